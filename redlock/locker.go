package redlock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// Locker takes locks on one set of voters. It is safe for concurrent use; a program needs one
// for each set of nodes.
type Locker struct {
	options  options
	nodes    []string // the voters' addresses, for messages
	voters   []*voter
	kinds    [voterKinds]bool // of voters that there are
	sessions []*session
	owned    []redis.UniversalClient
	group    *quorum.Group[*request, reply]
	guard    *guard.Guard           // nil without guards
	wall     func() time.Time       // proposals for fencing tokens only, never deadlines
	random   func() (hi, lo uint64) // for lock tokens; must not repeat
	jitter   func(n int64) int64    // uniform in [0, n)

	// draining is done when Shutdown or Close begins: no lock is taken any more. closing is done when
	// Close does: no lock is renewed any more.
	draining, closing context.Context
	drain, close      context.CancelCauseFunc

	busy      busy // attempts, renewals and admissions under way
	works     busy // functions that run in Do
	admitting admitting
	members   *members
	attempts  chan struct{} // holds a token for each attempt under way
	turns     turns         // of the goroutines in Lock

	complaints complaints // of those that wait in vain
	process    string     // what the lines at the voters call it
	ears       *ears
	contended  contended
}

// busy counts what Close or Shutdown has to wait for.
type busy struct {
	mu      sync.Mutex // orders beginning before waiting
	running sync.WaitGroup
}

// begin counts one more, unless it's too late for that, and reports whether it did.
func (b *busy) begin(end context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if end.Err() != nil {
		return false
	}
	b.running.Add(1)
	return true
}

// last ends the beginning: whoever has begun can be waited for.
func (b *busy) last(end context.CancelCauseFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	end(ErrClosed)
}

// New returns a locker on the given nodes, each of which is one voter: a client of a single
// server, of a Sentinel-managed one or of a whole Redis Cluster (then a fenced lock's name that
// contains a } needs a hash tag). The clients may have any options; the locker bounds every
// operation itself. It doesn't close them. For locking alone,
// [Dial] sets better options: with the defaults of go-redis, a voter that drops packets can
// keep its queue busy for seconds after it is back. And go-redis uses connections that were idle for up to 30
// minutes, which load balancers and firewalls have forgotten by then: the first attempt after a silence fails. Set ConnMaxIdleTime
// below what these allow, such as a minute. docs/servers.md has this and the other options. Hooks have to be added
// to a client before.
//
// Three nodes survive the failure of one, five that of two. An even number is no better than one node less:
// 2 survive none, 4 one. It's logged by [log/slog] at the level Warn.
//
// A client may be wrapped in a type that embeds it. Where it's a field of the interface's type, New can't tell a cluster from a
// server: the first lock then fails with [ErrUnfit]. A redis.Ring that's hidden so isn't noticed.
//
// It returns [ErrInvalidOption] without nodes, with a nil one, a redis.Ring, and the same server twice.
// It doesn't wait for a connection, so it can't tell different addresses of one server; Dial can. Where addresses lead to one server all
// the same, or come to do so later, its votes count once, for the address that led there first, and the
// other's outcome is [Unfit] until it leads elsewhere. Without guards that isn't noticed, nor with Redis Clusters.
func New(nodes []redis.UniversalClient, opts ...Option) (*Locker, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if o.joinURLs != nil {
		return nil, fmt.Errorf("%w: Joining takes URLs, and New takes clients; use JoiningNodes, or Dial", ErrInvalidOption)
	}
	r, err := o.enlist(nodes, o.joinNodes)
	if err != nil {
		return nil, err
	}
	if err := checkGuardable(r.clients, r.names, &o); err != nil {
		return nil, err
	}
	r.adviseNumbers(context.Background())
	l := newLocker(r, o, setup{workers: workersPerVoter})
	l.begins()
	return l, nil
}

// setup is what differs between the ways to make a locker.
type setup struct {
	workers int // per voter
	config  quorum.Config
	// timely clients wait for a server no longer than an exchange may take, so their exchanges need no contexts with
	// a deadline of their own.
	timely bool
}

func newLocker(r roll, o options, s setup) *Locker {
	l := &Locker{
		options: o,
		nodes:   r.names,
		members: newMembers(o.group, r),
		wall:    time.Now,
		random:  randomToken,
		jitter:  rand.Int64N,

		attempts: make(chan struct{}, maxAttempts),
	}
	l.closing, l.close = context.WithCancelCause(context.Background())
	l.draining, l.drain = context.WithCancelCause(l.closing)
	for i, client := range r.clients {
		v := &voter{
			client: client, index: i, nodes: r.names, link: connectionOf(client), idle: idleLimit(client), members: l.members,
			durable: o.durable, enrolment: randomEnrolment,
		}
		if isCluster(client) {
			v.kind = clusterVoter
		}
		v.news.told = Granted
		if o.hooks.VoterChanged != nil {
			v.changed = func() { l.voterMayHaveChanged(i) }
		}
		l.voters = append(l.voters, v)
	}
	l.startGuard()
	transports := make([][]quorum.Transport[*request, reply], len(r.clients))
	for i, v := range l.voters {
		l.kinds[v.kind] = true
		for range s.workers {
			session := newSession(v, exchangeTimeout(o.nodeTimeout), s.timely)
			l.sessions, v.sessions = append(l.sessions, session), append(v.sessions, session)
			transports[i] = append(transports[i], session)
		}
	}
	s.config.Electorate = l.electorate()
	hi, lo := randomToken()
	l.process = strconv.FormatUint(hi^lo, 36)
	l.ears = newEars(l.process, l.voters, exchangeTimeout(o.nodeTimeout), l.turns.called, l.cannotListen)
	l.group = quorum.NewGroup(transports, s.config)
	return l
}

// exchangeTimeout is how long a voter's worker waits for one exchange. It's longer than any
// caller waits, because the reply that comes late on the same connection is the only certain
// news about an attempt.
func exchangeTimeout(nodeTimeout time.Duration) time.Duration {
	return max(4*nodeTimeout, 100*time.Millisecond)
}
