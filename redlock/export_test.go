package redlock

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
)

// NewRepeatable is [New] for runs in virtual time that repeat exactly: what is random comes
// from the given functions, each voter has a single worker, since which of two goes first is up
// to the scheduler, and a worker waits until nobody has anything left to do at this moment.
func NewRepeatable(nodes []redis.UniversalClient, token func() (hi, lo uint64), jitter func(int64) int64, wall func() time.Time, opts ...Option) (*Locker, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	r, err := o.enlist(nodes, o.joinNodes)
	if err != nil {
		return nil, err
	}
	l := newLocker(r, o, setup{workers: 1, config: quorum.Config{Yield: func() { time.Sleep(100 * time.Nanosecond) }}})
	l.random, l.jitter, l.wall = token, jitter, wall
	l.process = strconv.FormatInt(jitter(1<<40), 36)
	l.ears.channel = channelPrefix + l.process
	if l.guard != nil {
		base := jitter(1 << 40)
		for i, v := range l.voters {
			var count atomic.Int64
			v.enrolment = func() int64 { return base<<12 + count.Add(1)<<3 + int64(i) }
		}
	}
	return l, nil
}

// SetWall makes the machine's wall clock, which only the proposals for fencing tokens come
// from, run ahead of (or behind) the real one.
func SetWall(l *Locker, ahead time.Duration) {
	l.wall = func() time.Time { return time.Now().Add(ahead) }
}

// SetToken makes the next lock tokens predictable.
func SetToken(l *Locker, hi, lo uint64) { l.random = func() (uint64, uint64) { return hi, lo } }

// FenceKey is the key of a name's record on a single server.
func FenceKey(name string) string { return recordKey(name, false) }

// Diagnosis is a [diagnosis] for tests from outside.
type Diagnosis struct {
	Outcome       Outcome
	Cause, Remedy string
}

// Diagnose is [diagnose] for a client without TLS.
func Diagnose(err error) Diagnosis {
	d := diagnose(err, connection{user: "locker"})
	return Diagnosis{d.outcome, d.cause, d.remedy}
}

// DiagnoseTLS is [diagnose] for a client with TLS.
func DiagnoseTLS(err error) Diagnosis {
	d := diagnose(err, connection{tls: true})
	return Diagnosis{d.outcome, d.cause, d.remedy}
}

// LockCommands are the commands that servers are asked to carry out.
var LockCommands = lockCommands

// Explain is [explain] for a client without TLS.
func Explain(err error) (Outcome, error) { return explain(err, connection{}) }

// LineKey is the key of the line of those who wait for a name on a single server.
func LineKey(name string) string { return lineKey(name, false) }

// LeadVoter is the voter that a name chooses.
var LeadVoter = leadVoter
