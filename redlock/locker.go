package redlock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
)

// Locker takes locks on one set of voters. It is safe for concurrent use; a program needs one
// for each set of nodes.
type Locker struct {
	options options
	nodes   []string // the voters' addresses, for messages
	voters  []*voter
	slots   bool // some voter is a Redis Cluster and locks are fenced: two keys must share a slot
	owned   []redis.UniversalClient
	group   *quorum.Group[request, reply]
	guard   *guard                  // nil without guards
	wall    func() time.Time        // proposals for fencing tokens only, never deadlines
	random  func() (hi, lo uint64)  // for lock tokens; must not repeat
	jitter  func(n int64) int64     // uniform in [0, n)
	closing context.Context         // done when Close begins
	close   context.CancelCauseFunc // ends closing

	busy      busy // attempts, renewals and admissions under way
	admitting atomic.Bool
	attempts  chan struct{} // holds a token for each attempt under way
	turns     turns         // of the goroutines in Lock
}

// busy counts what Close has to wait for.
type busy struct {
	mu      sync.Mutex // orders beginning before waiting
	running sync.WaitGroup
}

// begin reports whether the locker is still open, and counts one more if it is.
func (b *busy) begin(closing context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if closing.Err() != nil {
		return false
	}
	b.running.Add(1)
	return true
}

// New returns a locker on the given nodes, each of which is one voter: a client of a single
// server, of a Sentinel-managed one or of a whole Redis Cluster (then a fenced lock's name that
// contains a } needs a hash tag). The clients may have any options; the locker bounds every
// operation itself. It doesn't close them. For locking alone,
// [Dial] sets better options: with the defaults of go-redis, a voter that drops packets can
// keep its queue busy for seconds after it is back.
//
// Three nodes survive the failure of one, five that of two. An even number is no better than one node less:
// 2 survive none, 4 one.
//
// It returns [ErrInvalidOption] without nodes, with a nil one, a redis.Ring, and the same server twice.
// It doesn't connect, so it can't tell different addresses of one server; Dial can.
func New(nodes []redis.UniversalClient, opts ...Option) (*Locker, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	names, err := nodeNames(nodes)
	if err != nil {
		return nil, err
	}
	for i, client := range nodes {
		if _, cluster := client.(*redis.ClusterClient); cluster && o.requireGuards {
			return nil, fmt.Errorf("%w: RequireGuards, but node %d (%s) is a Redis Cluster, which can't be guarded; use single servers", ErrInvalidOption, i+1, names[i])
		}
	}
	return newLocker(nodes, names, o, quorum.Config{}), nil
}

func newLocker(nodes []redis.UniversalClient, names []string, o options, config quorum.Config) *Locker {
	config.Exchange = exchangeTimeout(o.nodeTimeout)
	closing, end := context.WithCancelCause(context.Background())
	l := &Locker{
		options: o,
		nodes:   names,
		wall:    time.Now,
		random:  randomToken,
		jitter:  rand.Int64N,
		closing: closing,
		close:   end,

		attempts: make(chan struct{}, maxAttempts),
	}
	voters := make([]*voter, len(nodes))
	transports := make([]quorum.Transport[request, reply], len(nodes))
	clocks := 0
	for i, client := range nodes {
		_, cluster := client.(*redis.ClusterClient)
		voters[i] = &voter{client: client, index: i, cluster: cluster, link: connectionOf(client)}
		transports[i] = voters[i]
		l.slots = l.slots || (cluster && o.fencing)
		if !cluster {
			clocks++
		}
	}
	// Where too few voters have a clock, they can't agree on the time, and there are no guards.
	if o.guards && tells(clocks, len(nodes)) {
		l.guard = newGuard(len(nodes), &o)
		l.guard.newcomer = l.startAdmission
		for _, v := range voters {
			v.guard = l.guard
		}
	}
	l.voters = voters
	l.group = quorum.NewGroup(transports, config)
	return l
}

// now returns what time it is by agreement; void without guards.
func (l *Locker) now() span {
	if l.guard == nil {
		return span{}
	}
	s, _ := l.guard.now()
	return s
}

// exchangeTimeout is how long a voter's worker waits for one exchange. It's longer than any
// caller waits, because the reply that comes late on the same connection is the only certain
// news about an attempt.
func exchangeTimeout(nodeTimeout time.Duration) time.Duration {
	return max(4*nodeTimeout, 100*time.Millisecond)
}

// Close ends renewals, waits for attempts under way, sends the releases that are still waiting, and
// returns when all of the locker's goroutines have ended. It doesn't release locks: those still
// held run out. Waiting calls of [Locker.Lock] return [ErrClosed].
//
// With clients given to [New] it can take as long as their own time-outs if a voter hangs;
// closing the clients first cuts that short.
func (l *Locker) Close() error {
	l.busy.mu.Lock()
	l.close(ErrClosed)
	l.busy.mu.Unlock()
	l.busy.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*l.options.nodeTimeout)
	defer cancel()
	// The connections of our own clients are cut when the time is up; go-redis doesn't
	// interrupt a read when only a context ends.
	stop := context.AfterFunc(ctx, func() { _ = l.closeClients() })
	l.group.Close(ctx)
	stop()
	return l.closeClients()
}

func (l *Locker) closeClients() error {
	var first error
	for i, c := range l.owned {
		if err := c.Close(); err != nil && first == nil && err != redis.ErrClosed {
			first = fmt.Errorf("redlock: closing the client of %s: %w", l.nodes[i], err)
		}
	}
	return first
}

// Do runs fn while holding the lock: it waits for it as [Locker.Lock] does, renews it, and
// releases it when fn has returned, or panicked. The context that fn gets is done when the
// lock is lost, when its proven deadline passes, or when ctx is done; [context.Cause] tells
// which. What fn does after that isn't protected.
//
// Do returns the error of fn, preceded by [ErrLost] if the lock was lost before fn returned:
// then another may have held it at the same time. A release that fails isn't an error of the
// work; the lock runs out by itself, and the observer hears of it.
func (l *Locker) Do(ctx context.Context, name string, fn func(context.Context, *Lock) error, opts ...LockOption) error {
	lk, err := l.Lock(ctx, name, append([]LockOption{AutoRenew(true)}, opts...)...)
	if err != nil {
		return err
	}
	unlock := func() error { return lk.Unlock(context.WithoutCancel(ctx)) }
	defer func() { _ = unlock() }() // for a panic; it does nothing the second time
	work, cancel := context.WithCancelCause(lk.Context())
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	err = fn(work, lk)
	if lost := unlock(); errors.Is(lost, ErrLost) {
		return errors.Join(lost, err) // the reason first
	}
	return err
}
