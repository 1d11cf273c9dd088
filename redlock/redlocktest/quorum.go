package redlocktest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// maxNodes is how many host addresses a documentation network has, see [Node.Addr].
const maxNodes = 254

// TB is the part of [testing.TB] that [New] needs. It is an interface of its own so that
// programs which import this package don't register the flags of the testing package.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// A Quorum is a set of embedded, independent Redis nodes, and the client machines
// ([Member]) that talk to them. All methods are safe for concurrent use.
type Quorum struct {
	config  config
	started time.Time
	nodes   []*Node
	workers sync.WaitGroup
	done    chan struct{} // closed by Close

	mu      sync.Mutex // guards what follows; never held while a node's lock is wanted
	members map[string]*Member
	clients []*redis.Client
	closed  bool
}

type config struct {
	seed                   int64
	minLatency, maxLatency time.Duration
	fresh                  bool
}

// An Option changes how a quorum is built.
type Option func(*config) error

// WithSeed sets the seed of everything random: the latency of each message, the nodes' run
// ids, and Redis commands such as RANDOMKEY. The default is 1.
func WithSeed(seed int64) Option {
	return func(c *config) error {
		c.seed = seed
		return nil
	}
}

// WithLatency makes each message take between least and most on its way, in each direction.
// How long exactly is a hash of the seed, the link, the direction, the connection's number
// and the message's number, so it doesn't depend on the order in which goroutines run.
// Without this option messages arrive at once.
//
// It is an error when least is negative or most is smaller than least.
func WithLatency(least, most time.Duration) Option {
	return func(c *config) error {
		if least < 0 || most < least {
			return fmt.Errorf("redlocktest: latency from %v to %v: want 0 <= least <= most", least, most)
		}
		c.minLatency, c.maxLatency = least, most
		return nil
	}
}

// WithFreshNodes makes the nodes ones that no lock was ever taken on. Package redlock lets such
// a node wait for its MaxTTL before it counts the node's votes, because it can't tell it from
// one that has forgotten everything. Without this option the nodes are enrolled already, as
// if they had been in use for years.
func WithFreshNodes() Option {
	return func(c *config) error {
		c.fresh = true
		return nil
	}
}

// New starts a quorum for a test and closes it when the test ends. Inside a
// [testing/synctest] bubble call it in the bubble, with the bubble's own T.
func New(tb TB, nodes int, opts ...Option) *Quorum {
	tb.Helper()
	q, err := Start(nodes, opts...)
	if err != nil {
		tb.Fatalf("%v", err)
		return nil // not reached with a testing.TB
	}
	tb.Cleanup(func() {
		q.Close()
		q.complain(tb)
	})
	return q
}

// complain fails a test that has suspended a machine whose clock nobody looks at: then it has
// tested nothing.
func (q *Quorum) complain(tb TB) {
	tb.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, m := range q.members {
		if m.clock.ignored() && m.connected() {
			tb.Fatalf("redlocktest: member %q was suspended, but nothing has read its clock: "+
				"give the locker redlock.WithClock(member.Clock()), or make it with lockertest.New", name)
		}
	}
}

// backoff is go-redis's pause before it dials again, but that it ends with the quorum. Inside
// a bubble a pause that nobody waits for would fail the test.
func (q *Quorum) backoff(int) time.Duration {
	t := time.NewTimer(100 * time.Millisecond)
	defer t.Stop()
	select {
	case <-q.done:
	case <-t.C:
	}
	return 0
}

// Start starts a quorum of 1 to 254 nodes. The caller closes it. Programs use this; tests are
// better off with [New].
func Start(nodes int, opts ...Option) (*Quorum, error) {
	if nodes < 1 || nodes > maxNodes {
		return nil, fmt.Errorf("redlocktest: %d nodes: want 1 to %d", nodes, maxNodes)
	}
	q := &Quorum{
		config:  config{seed: 1},
		started: time.Now(),
		members: map[string]*Member{},
		done:    make(chan struct{}),
	}
	for _, opt := range opts {
		if err := opt(&q.config); err != nil {
			return nil, err
		}
	}
	for i := range nodes {
		n, err := startNode(q, i)
		if err != nil {
			q.Close()
			return nil, err
		}
		q.nodes = append(q.nodes, n)
	}
	if !q.config.fresh {
		q.form()
	}
	return q, nil
}

// form makes the nodes ones that vote for lockers with all of them by these addresses, and for no others, unless they come to have
// other addresses, see [Node.Listen].
func (q *Quorum) form() {
	names := make([]string, len(q.nodes))
	for i, n := range q.nodes {
		names[i] = n.Addr()
	}
	known := member.Known{Set: member.NewSet(names), Generation: 1}
	for _, n := range q.nodes {
		n.redis.HSet(markerKey, "voters", known.String())
	}
}

// Close closes every client that the quorum made, breaks all connections and stops the
// nodes, whatever is cut, held, paused or crashed. When it returns, nothing of the quorum runs
// any more. Closing twice is allowed.
func (q *Quorum) Close() {
	q.mu.Lock()
	if !q.closed {
		close(q.done)
	}
	q.closed = true
	clients := q.clients
	q.clients = nil
	q.mu.Unlock()

	// Nodes first: a client's Close must not wait for a node that is paused.
	for _, n := range q.nodes {
		n.stop()
	}
	for _, c := range clients {
		_ = c.Close() // only complains about a client that its user closed already
	}
	q.workers.Wait()
	for _, n := range q.nodes {
		n.redis.Close()
	}
}

// Len returns the number of nodes.
func (q *Quorum) Len() int { return len(q.nodes) }

// Node returns node i, counted from 0. It panics when there is no such node.
func (q *Quorum) Node(i int) *Node { return q.nodes[i] }

// Nodes returns all nodes, in order.
func (q *Quorum) Nodes() []*Node { return append([]*Node(nil), q.nodes...) }

// Member returns the client machine of that name and creates it on first use. The empty name
// is the machine that [Quorum.Clients] and [Quorum.Clock] belong to.
func (q *Quorum) Member(name string) *Member {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, ok := q.members[name]
	if !ok {
		m = newMember(q, name)
		q.members[name] = m
	}
	return m
}

// Clients returns the default member's clients, see [Member.Clients].
func (q *Quorum) Clients() []redis.UniversalClient { return q.Member("").Clients() }

// Clock returns the default member's clock, see [Member.Clock].
func (q *Quorum) Clock() *Clock { return q.Member("").Clock() }

var errClosed = errors.New("redlocktest: the quorum is closed")

// own makes Close close the client. A client made after Close is closed at once, so that
// using it says so.
func (q *Quorum) own(c *redis.Client) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		_ = c.Close()
		return
	}
	q.clients = append(q.clients, c)
}
