package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// slowRounds is how often the lock is taken; the fastest counts, because a busy machine makes some slow.
const slowRounds = 3

var slowNode = Scenario{
	Name:   "slow-node",
	About:  "one node is slow: a lock on a quorum must be no slower than a majority of the nodes",
	Source: "J. Dean and L. Barroso, \"The Tail at Scale\" (2013)",
	Steps: []string{
		"a client takes the lock and gives it back, three times",
		"requests to C take a quarter of a TTL longer",
		"the client takes the lock and gives it back, three times; at least once it must have it in half of that extra time",
	},
	Clients:  1,
	MinNodes: 3,
	Patient:  true,
	Demands:  true,
	Denies:   subject.WaitsForAll,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		_, _, shared := sides(l.Len())
		return outpace(ctx, l, nemesis.Fault{Kind: nemesis.SlowNode, Nodes: shared[:1], By: l.TTL() / 4})
	},
}

// outpace demands that a client gets the lock sooner than a node answers that is slow by the fault.
func outpace(ctx context.Context, l *lab.Lab, slowness nemesis.Fault) error {
	c, extra := l.Clients()[0], slowness.By
	usual, err := fastestAcquire(ctx, l, c)
	if err != nil {
		return err
	}
	if usual == 0 {
		return lab.Spoiled("%v didn't get a lock that nobody holds: %s", c, c.Refusal())
	}
	if usual > extra/4 {
		return lab.Spoiled("%v takes %v to get the lock even if all nodes are fast", c, usual)
	}
	if _, err := l.Inject(ctx, slowness); err != nil {
		return err
	}
	slow, err := fastestAcquire(ctx, l, c)
	if err != nil {
		return err
	}
	l.Demand(slow > 0 && slow < extra/2, "%v gets the lock within %v, while one node takes %v: it took %v (0s: it didn't get it), and %v with all nodes fast",
		c, extra/2, extra, slow, usual)
	return nil
}

// fastestAcquire returns how long the fastest of a few acquisitions took, 0 if all were refused.
func fastestAcquire(ctx context.Context, l *lab.Lab, c *lab.Client) (time.Duration, error) {
	fastest := time.Duration(0)
	for range slowRounds {
		asked, err := c.Begin(protocol.Request{Op: protocol.Acquire})
		if err != nil {
			return 0, err
		}
		reply, err := asked.Wait(ctx)
		if err != nil {
			return 0, err
		}
		if !reply.OK {
			continue
		}
		if took := reply.Returned - reply.Invoked; fastest == 0 || took < fastest {
			fastest = took
		}
		if _, err := c.Release(ctx); err != nil {
			return 0, err
		}
	}
	return fastest.Round(time.Microsecond), nil
}
