package quorum

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// Transport carries requests to one voter.
type Transport[Q, R any] interface {
	// Exchange sends the requests in order and puts what comes back for requests[i] into
	// answers[i]. It returns when all are answered, at the latest soon after ctx is done. It
	// is called by several workers at once and must not keep the slices.
	Exchange(ctx context.Context, requests []Q, answers []Answer[R])
}

// Config sets the bounds of a [Group]. Zero values stand for the defaults.
type Config struct {
	// Workers is how many queues, each with its worker, a voter has. Default 2.
	Workers int
	// Queue is how many requests that aren't urgent may wait in one queue. Those whose ballot is
	// over make room for others. Default 2048.
	Queue int
	// Batch is how many requests one exchange carries at most. Default 256.
	Batch int
	// Exchange is how long a transport may take for one exchange before its context ends.
	// Default 1 s.
	Exchange time.Duration
	// Yield is called by a worker before it takes what waits in its queue, and lets callers that
	// are about to enqueue get their turn first, so that one exchange carries them all. The
	// default, [runtime.Gosched], was measured to be worth two to three times the throughput
	// with 64 goroutines. A simulation in virtual time sleeps instead: then it isn't the
	// scheduler that decides what goes together.
	Yield func()
}

func (c Config) withDefaults() Config {
	if c.Workers <= 0 {
		c.Workers = 2
	}
	if c.Queue <= 0 {
		c.Queue = 2048
	}
	if c.Batch <= 0 {
		c.Batch = 256
	}
	if c.Exchange <= 0 {
		c.Exchange = time.Second
	}
	if c.Yield == nil {
		c.Yield = runtime.Gosched
	}
	return c
}

// Group is a fixed set of voters. It is safe for concurrent use.
type Group[Q, R any] struct {
	queues  [][]*queue[Q, R] // by voter, then by worker
	workers errgroup.Group
	cancel  context.CancelFunc
}

// NewGroup starts the workers of a group with one voter for each transport. The caller must
// [Group.Close] it. It panics without a transport.
func NewGroup[Q, R any](transports []Transport[Q, R], config Config) *Group[Q, R] {
	if len(transports) == 0 {
		panic("quorum: a group needs at least 1 voter")
	}
	config = config.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	g := &Group[Q, R]{cancel: cancel}
	for voter, transport := range transports {
		queues := make([]*queue[Q, R], config.Workers)
		for i := range queues {
			q := newQueue(voter, transport, config)
			queues[i] = q
			g.workers.Go(func() error { q.drain(ctx); return nil })
		}
		g.queues = append(g.queues, queues)
	}
	return g
}

// Voters returns the number of voters.
func (g *Group[Q, R]) Voters() int { return len(g.queues) }

// Start hands the poll's request to its voters' queues and returns at once. It panics if the
// poll names a voter that doesn't exist.
func (g *Group[Q, R]) Start(poll Poll[Q, R]) *Ballot[Q, R] {
	n := len(g.queues)
	b := &Ballot[Q, R]{
		poll:     poll,
		begun:    time.Now(),
		done:     make(chan struct{}),
		tally:    NewTally(n),
		answers:  make([]Answer[R], n),
		answered: make([]bool, n),
		calls:    make([]*call[Q, R], n),
	}
	if poll.Enough != nil { // asked while record holds the mutex
		b.tally.enough = func() bool {
			return poll.Enough(Outcome[R]{Result: Won, Answers: b.answers, Answered: b.answered})
		}
	}
	asked := poll.Voters
	if asked == nil {
		asked = make([]int, n)
		for i := range asked {
			asked[i] = i
		}
	} else {
		b.excuseOthers(asked)
	}
	for _, voter := range asked {
		if voter < 0 || voter >= n {
			panic(fmt.Sprintf("quorum: voter %d of %d asked", voter, n))
		}
		queues := g.queues[voter]
		q := queues[poll.Key%uint64(len(queues))]
		b.calls[voter] = &call[Q, R]{ballot: b, queue: q}
	}
	for _, voter := range asked {
		c := b.calls[voter]
		if err := c.queue.add(c); err != nil {
			b.deliver(voter, Answer[R]{Err: err}, 0)
		}
	}
	return b
}

// excuseOthers casts an unknown vote for each voter that isn't asked.
func (b *Ballot[Q, R]) excuseOthers(asked []int) {
	out := make([]bool, len(b.answers))
	for _, voter := range asked {
		out[voter] = true
	}
	for voter, in := range out {
		if !in {
			b.record(voter, Answer[R]{Err: ErrNotSent}, Unknown)
		}
	}
}

// Close refuses new polls, lets the workers send what waits in the queues (once; repeats
// don't wait for their time), and ends exchanges that still run when ctx is done. It returns
// when all workers have ended. Calling it again waits, too.
func (g *Group[Q, R]) Close(ctx context.Context) {
	for _, queues := range g.queues {
		for _, q := range queues {
			q.close()
		}
	}
	stop := context.AfterFunc(ctx, g.cancel)
	defer stop()
	_ = g.workers.Wait() // workers return no errors
	g.cancel()
}
