package sim

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/redlock"
)

// Report is what a run found.
type Report struct {
	// Violations lists the promises that were broken, in the order in which it was noticed.
	Violations []string
	// Attempts counts the acquisitions begun, and Acquired those that succeeded.
	Attempts, Acquired int
	// Takeovers counts how often a voter gave a lock to another that wasn't given back, since its
	// time was over.
	Takeovers int
	// Overtaken is the most often that a client that waited was overtaken by one that came later, and Idle the longest that a
	// lock was free while somebody waited, both when messages got through again.
	Overtaken int
	Idle      time.Duration
	// Changes counts the changes of the list of voters that were completed.
	Changes int
	// Commands counts what the voters were sent.
	Commands int
}

// attempt is what is known of one acquisition.
type attempt struct {
	client  string // the process
	excused bool   // the process is dead, or its machine was paused since
	// until is when anybody can have had a use for the lock last: when the attempt is over, or
	// the latest deadline of the lock that came of it.
	until time.Duration
	lock  *redlock.Lock // nil unless it was acquired
	ended bool          // it was seen not to be valid any more
	kept  time.Time     // until when others are kept out although it was released
	end   time.Duration // by the clients' clocks: when it has to be over; 0 if nothing limits it
}

// history is what happened so far, and the judge of it. It is safe for concurrent use.
type history struct {
	begun time.Time
	plan  *Plan
	trace io.Writer

	mu       sync.Mutex
	attempts map[string]*attempt // by token
	locks    []*attempt          // those acquired, oldest first
	newest   map[string]int64    // the largest fencing token, by name
	leaders  []*leader           // whose functions run
	voters   []*voter
	report   Report
	stopped  time.Duration // for how long the clients were stopped in all
}

func newHistory(plan *Plan, trace io.Writer) *history {
	if trace == nil {
		trace = io.Discard
	}
	return &history{begun: time.Now(), plan: plan, trace: trace, attempts: map[string]*attempt{}, newest: map[string]int64{}}
}

func (h *history) now() time.Duration { return time.Since(h.begun) }

// note records an event at a client or a fault. Whenever one happens, all locks are looked at.
func (h *history) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line(format, args...)
	h.checkExclusion()
}

func (h *history) line(format string, args ...any) {
	if h.trace != io.Discard {
		fmt.Fprintf(h.trace, "%v %s\n", h.now(), fmt.Sprintf(format, args...))
	}
}

func (h *history) violation(format string, args ...any) {
	v := fmt.Sprintf("%v ", h.now()) + fmt.Sprintf(format, args...)
	h.report.Violations = append(h.report.Violations, v)
	h.line("VIOLATION: %s", v)
}

// begin records that a process begins an attempt with this token.
func (h *history) begin(client string, hi, lo uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report.Attempts++
	h.attempts[fmt.Sprintf("%016x%016x", hi, lo)] = &attempt{client: client, until: h.now() + NodeTimeout}
}

// known returns the largest fencing token of a name so far.
func (h *history) known(name string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newest[name]
}

// acquired records a success of an acquisition that began when known was the newest token.
func (h *history) acquired(client string, lk *redlock.Lock, known int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line("client %s: acquired %q, token %s, fencing token %d", client, lk.Name(), lk.Token(), lk.Fence())
	h.checkFence(client, lk, known)
	if !lk.Valid() { // no time has passed since
		h.violation("late: client %s was given %q when its time was up", client, lk.Name())
	}
	a := h.attempts[lk.Token()]
	a.lock = lk
	h.report.Acquired++
	h.checkKept(client, lk)
	h.locks = append(h.locks, a)
	h.checkExclusion()
}

func (h *history) checkFence(client string, lk *redlock.Lock, known int64) {
	if lk.Fence() <= known {
		h.violation("fencing: client %s got token %d for %q after %d was known", client, lk.Fence(), lk.Name(), known)
	}
	for _, a := range h.locks {
		if a.lock.Name() == lk.Name() && a.lock.Fence() == lk.Fence() {
			h.violation("fencing: clients %s and %s both got token %d for %q", a.client, client, lk.Fence(), lk.Name())
		}
	}
	h.newest[lk.Name()] = max(h.newest[lk.Name()], lk.Fence())
}

// checkExclusion looks at all locks. Two windows overlap only if the earlier lock is still
// valid when the later one is acquired or extended, and each of these is an event.
func (h *history) checkExclusion() {
	holder := map[string]*attempt{}
	for _, a := range h.locks {
		left := a.lock.Remaining()
		if a.excused || left == 0 {
			a.ended = true
			continue
		}
		if a.ended {
			a.ended = false
			h.violation("revival: the lock of client %s on %q had expired and is valid again, for %v", a.client, a.lock.Name(), left)
		}
		a.until = max(a.until, h.now()+left)
		if other := holder[a.lock.Name()]; other != nil {
			h.violation("exclusion: clients %s and %s both hold %q, for another %v and %v",
				other.client, a.client, a.lock.Name(), other.lock.Remaining(), left)
		}
		holder[a.lock.Name()] = a
	}
	h.checkShapes()
}

// died records that a process was killed: it runs no code that could believe anything.
func (h *history) died(client string) { h.excuse(client) }

// unaware records that a process's machine is paused. What the process believes of its locks up to now
// is wrong, and nothing can tell it.
func (h *history) unaware(client string) { h.excuse(client) }

func (h *history) excuse(client string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.attempts {
		a.excused = a.excused || a.client == client
	}
}

// reason shortens an error to what is the same in every run.
func reason(err error) string {
	if err == nil {
		return "ok"
	}
	var q *redlock.QuorumError
	if errors.As(err, &q) {
		outcomes := make([]string, len(q.Nodes))
		for i, n := range q.Nodes {
			outcomes[i] = n.Outcome.String()
		}
		return fmt.Sprintf("%v: %s", q.Reason, strings.Join(outcomes, ", "))
	}
	return err.Error()
}
