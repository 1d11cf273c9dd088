package scenario

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// splitVoteTTLs is how soon, in TTLs, one of several clients must win.
const splitVoteTTLs = 2

var splitVote = Scenario{
	Name:   "split-vote",
	About:  "several clients ask at once, each is the first at some nodes, and none has a majority: one must win soon",
	Source: "S. Sanfilippo, \"Distributed Locks with Redis\", section \"Retry on failure\", https://redis.io/docs/latest/develop/use/patterns/distributed-locks/; the term is Raft's, D. Ongaro and J. Ousterhout (2014)",
	Steps: []string{
		"three clients share out the nodes: each has some near by, and the others are slow to reach",
		"all ask at once; if none gets a majority, each tries again after a short random rest",
		"within two TTLs one of them must have the lock",
	},
	Clients:  3,
	MinNodes: 3,
	Demands:  true,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		for _, c := range l.Clients() {
			if err := moveAway(ctx, l, c); err != nil {
				return err
			}
		}
		began := l.Now()
		var winner atomic.Pointer[lab.Client]
		asking, asked := errgroup.WithContext(ctx)
		for _, c := range l.Clients() {
			asking.Go(func() error {
				// Each asks once in any case: on a busy machine one may have the lock before another has begun.
				for first := true; first || winner.Load() == nil && l.Now() < began+splitVoteTTLs*l.TTL(); first = false {
					acquired, err := c.TryAcquire(asked)
					if err != nil {
						return err
					}
					if acquired {
						winner.Store(c)
						return nil
					}
					if err := c.Rest(asked); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := asking.Wait(); err != nil {
			return err
		}
		if winner.Load() == nil {
			if err := checkSpeed(ctx, l); err != nil {
				return err
			}
		}
		l.Demand(winner.Load() != nil, "one of %d clients gets the lock within %v, after %v", len(l.Clients()), splitVoteTTLs*l.TTL(), (l.Now() - began).Round(time.Millisecond))
		return nil
	},
}

// moveAway makes the nodes slow to reach for a client that aren't near to it.
func moveAway(ctx context.Context, l *lab.Lab, c *lab.Client) error {
	var far []int
	for node := range l.Len() {
		if node%len(l.Clients()) != c.Index() {
			far = append(far, node)
		}
	}
	_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.SlowNode, Clients: []int{c.Index()}, Nodes: far, By: l.TTL() / 40})
	return err
}

// checkSpeed tells a machine on which votes can't come in time from clients that don't agree.
func checkSpeed(ctx context.Context, l *lab.Lab) error {
	for _, c := range l.Clients() {
		for node := range l.Len() {
			took, err := c.Link(node).Probe(ctx)
			if err != nil {
				return err
			}
			if took > l.TTL()/20 {
				return lab.Spoiled("a PING from %v to %s took %v, twice as long as it was slowed down by", c, effect.NodeName(node), took)
			}
		}
	}
	return nil
}
