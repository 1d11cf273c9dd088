package quorum

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Transport carries requests to one voter.
type Transport[Q, R any] interface {
	// Exchange sends the requests in order and puts what comes back for requests[i] into
	// answers[i]. It returns when all are answered, within a time of its own choice, or soon after ctx is done.
	// The answers are void when it's called. It is called by one worker at a time and must not keep the slices.
	Exchange(ctx context.Context, requests []Q, answers []Answer[R])
}

// Config sets the bounds of a [Group]. Zero values stand for the defaults.
type Config struct {
	// Queue is how many requests that aren't urgent may wait in one queue. Those whose ballot is
	// over make room for others. Default 2048.
	Queue int
	// Batch is how many requests one exchange carries at most. Default 256.
	Batch int
	// Yield is called by a worker before it takes what waits in its queue, and lets callers that
	// are about to enqueue get their turn first, so that one exchange carries them all. The
	// default, [runtime.Gosched], was measured to be worth two to three times the throughput
	// with 64 goroutines. A simulation in virtual time sleeps instead: then it isn't the
	// scheduler that decides what goes together.
	Yield func()
	// Electorate says whose votes decide. The default is one set of all voters.
	Electorate Electorate
}

func (c Config) withDefaults() Config {
	if c.Queue <= 0 {
		c.Queue = 2048
	}
	if c.Batch <= 0 {
		c.Batch = 256
	}
	if c.Yield == nil {
		c.Yield = runtime.Gosched
	}
	return c
}

// Group is a fixed set of voters. It is safe for concurrent use.
type Group[Q, R any] struct {
	queues     [][]*queue[Q, R] // by voter, then by worker
	electorate Electorate
	workers    errgroup.Group
	cancel     context.CancelFunc
}

// NewGroup starts the workers of a group: for each voter one for each of its transports, with a queue of its
// own. The caller must [Group.Close] it. It panics without a voter, or with one that has no transport.
func NewGroup[Q, R any](voters [][]Transport[Q, R], config Config) *Group[Q, R] {
	if len(voters) == 0 {
		panic("quorum: a group needs at least 1 voter")
	}
	config = config.withDefaults()
	if config.Electorate.Voters() == 0 {
		config.Electorate = All(len(voters))
	}
	if n := config.Electorate.Voters(); n != len(voters) {
		panic(fmt.Sprintf("quorum: an electorate of %d voters for a group of %d", n, len(voters)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &Group[Q, R]{cancel: cancel, electorate: config.Electorate}
	for voter, transports := range voters {
		if len(transports) == 0 {
			panic(fmt.Sprintf("quorum: voter %d needs at least 1 transport", voter))
		}
		queues := make([]*queue[Q, R], len(transports))
		for i, transport := range transports {
			q := newQueue(transport, config)
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
		poll:    poll,
		begun:   time.Now(),
		done:    make(chan struct{}),
		tally:   NewJointTally(g.electorate),
		answers: make([]Answer[R], n),
		calls:   make([]call[Q, R], n),
	}
	for _, voter := range poll.Voters {
		if voter < 0 || voter >= n {
			panic(fmt.Sprintf("quorum: voter %d of %d asked", voter, n))
		}
	}
	for voter, queues := range g.queues {
		if poll.Voters != nil && !slices.Contains(poll.Voters, voter) {
			b.recordUnasked(voter)
			continue
		}
		b.calls[voter] = call[Q, R]{ballot: b, voter: voter, queue: queues[poll.Key%uint64(len(queues))]}
	}
	for voter := range b.calls {
		if c := &b.calls[voter]; c.queue != nil {
			if err := c.queue.add(c); err != nil {
				c.deliver(Answer[R]{Err: err})
			}
		}
	}
	return b
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
