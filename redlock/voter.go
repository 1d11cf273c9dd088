package redlock

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// voter is one Redis node: a single server, one that Sentinel manages, or a whole cluster.
type voter struct {
	client  redis.UniversalClient
	index   int
	kind    voterKind
	guard   *guard.Guard  // nil without guards
	link    connection    // for the diagnosis of errors
	idle    time.Duration // for so long a connection that isn't used is there still
	members *members

	nodes     []string     // the voters' addresses, for messages
	durable   bool         // it keeps its memory when it restarts
	enrolment func() int64 // the number of a new one

	silent atomic.Bool // it didn't answer in time, and hasn't since
	swift  atomic.Bool // it answered the last attempt at once, see askLead

	sessions []*session // one for each of its workers

	mu        sync.Mutex
	answered  time.Time // when it last answered all that it was asked without an error
	lastErr   error
	lastErrAt time.Time
	cut       bool // the last exchange didn't get all of its answers, or the connection couldn't be set up
	refusals  refusals
	astray    bool // it refused to vote last, because of its clock

	changed func() // called when it may be of more use or less; nil if nobody wants to know
	news    news
}

// guarded reports whether the voter has a marker and a clock that counts. A cluster has neither.
func (v *voter) guarded() bool { return v.kind == guardedVoter }

// reading returns what the clock of the guard says.
func (v *voter) reading() time.Duration {
	if v.guard == nil {
		return 0
	}
	return v.guard.Clock.Now()
}

// silence says what it may mean that a voter hasn't answered in time.
func (v *voter) silence(nodeTimeout time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cut { // the client may be trying again
		_, cause := explain(v.lastErr, v.link)
		return fmt.Errorf("it didn't answer in time, after %w", cause)
	}
	if v.link.tls && v.answered.IsZero() {
		return fmt.Errorf("it didn't answer in time; %s, which is %v", perhapsNoTLS, nodeTimeout)
	}
	return fmt.Errorf("it didn't answer in time; if it's slow or far away rather than down, raise WithNodeTimeout, which is %v", nodeTimeout)
}

// met notes what [Dial] saw.
func (v *voter) met(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if err == nil {
		v.answered = now
		return
	}
	v.failed(opLook, err, true, now)
}

// answers reports whether the voter is likely to answer: it answered without an error last, and in time since.
func (v *voter) answers() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, refuses := v.refusals.last()
	return !v.cut && !refuses && !v.silent.Load()
}

// failed notes an error. Where the connection was set up and the error is the server's reply, it's about one kind of request. The
// caller holds mu.
func (v *voter) failed(op operation, err error, connected bool, now time.Time) {
	d := diagnose(err, v.link)
	if op == opWait && d.outcome == Unfit {
		return // it's fit to vote
	}
	v.lastErr, v.lastErrAt = err, now
	if _, replied := serverText(err); replied && connected {
		v.refusals.note(op, reply{}, err, d.outcome, now)
		return
	}
	v.cut = true
	if d.outcome == TimedOut {
		v.silent.Store(true)
	}
}

// remember notes how an exchange went, for [Locker.Voters]. Its connection was set up, or wasn't.
func (v *voter) remember(requests []*request, answers []quorum.Answer[reply], connected bool) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cut = false
	fine := true
	for i, a := range answers {
		op := requests[i].op
		if a.Err != nil {
			fine = false
			v.failed(op, a.Err, connected, now)
			continue
		}
		v.refusals.note(op, a.Reply, nil, Granted, now)
		if op == opAcquire || op == opExtend {
			v.astray = a.Reply.status == statusAstray
		}
	}
	if fine {
		v.answered = now
	}
	if !v.cut {
		v.silent.Store(false)
	}
}
