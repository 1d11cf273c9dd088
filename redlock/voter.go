package redlock

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
)

// voter is one Redis node: a single server, one that Sentinel manages, or a whole cluster.
type voter struct {
	client redis.UniversalClient
	index  int
	kind   voterKind
	guard  *guard        // nil without guards
	link   connection    // for the diagnosis of errors
	idle   time.Duration // for so long a connection that isn't used is there still

	silent atomic.Bool // it didn't answer in time, and hasn't since

	sessions []*session // one for each of its workers

	mu       sync.Mutex
	answered time.Time // when it last answered all that it was asked without an error
	lastErr  error
	failed   time.Time // when lastErr was
	failing  bool      // the last exchange had an error
	astray   bool      // it refused to vote last, because of its clock

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
	return v.guard.clock.Now()
}

// silence says what it may mean that a voter hasn't answered in time.
func (v *voter) silence(nodeTimeout time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failing { // the client may be trying again
		_, cause := explain(v.lastErr, v.link)
		return fmt.Errorf("it didn't answer in time, after %w", cause)
	}
	return fmt.Errorf("it didn't answer in time; if it's slow or far away rather than down, raise WithNodeTimeout, which is %v", nodeTimeout)
}

// met notes what [Dial] saw.
func (v *voter) met(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if v.failing = err != nil; v.failing {
		v.lastErr, v.failed = err, now
		return
	}
	v.answered = now
}

// answers reports whether the voter is likely to answer: it answered without an error last, and in time since.
func (v *voter) answers() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.failing && !v.silent.Load()
}

// remember notes how an exchange went, for [Locker.Voters].
func (v *voter) remember(requests []*request, answers []quorum.Answer[reply]) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failing = false
	for i, a := range answers {
		switch op := requests[i].op; {
		case op == opWait && a.Err != nil && diagnose(a.Err, v.link).outcome == Unfit: // it's fit to vote
		case a.Err != nil:
			v.lastErr, v.failed, v.failing = a.Err, now, true
			if diagnose(a.Err, v.link).outcome == TimedOut {
				v.silent.Store(true)
			}
		case op == opAcquire || op == opExtend:
			v.astray = a.Reply.status == statusAstray
		}
	}
	if !v.failing {
		v.answered = now
		v.silent.Store(false)
	}
}
