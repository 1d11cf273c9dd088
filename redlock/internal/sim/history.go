package sim

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Report is what a run found.
type Report struct {
	// Violations lists the promises that were broken, in the order in which it was noticed.
	Violations []string
	// Acquired and Refused count the attempts.
	Acquired, Refused int
	// Commands counts what the voters executed.
	Commands int
}

// attempt is what is known about one token.
type attempt struct {
	client string
	name   string
	// until is when the lock's holder can have used it last; while it's only being acquired,
	// when the attempt is over.
	until time.Duration
	lock  *redlock.Lock // nil unless it was acquired
	dead  bool          // the process is
}

// history is what happened so far, and what it broke.
type history struct {
	begun time.Time
	plan  *Plan
	trace io.Writer

	mu       sync.Mutex
	attempts map[string]*attempt // by token
	locks    []*attempt          // those acquired, oldest first
	highest  map[string]int64    // fencing token by name
	report   Report
}
