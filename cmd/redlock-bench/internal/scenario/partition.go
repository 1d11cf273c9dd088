package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// attemptsAlone is how often the client on the minority's side tries before the other begins.
const attemptsAlone = 3

var partition = Scenario{
	Name:   "partition",
	About:  "the network splits: the side with a minority of the nodes must not get the lock, the other must",
	Source: "the seed of every quorum: D. K. Gifford, \"Weighted Voting for Replicated Data\" (1979)",
	Steps: []string{
		"client 1 is cut off from a majority of the nodes, client 2 from the rest",
		"client 1 tries to get the lock",
		"client 2 acquires the lock",
		"client 1 tries again",
	},
	Clients:  2,
	MinNodes: 3,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		minor, major := l.Clients()[0], l.Clients()[1]
		_, majority, _ := sides(l.Len())
		minority := span(0, l.Len()-len(majority))
		if err := cutOff(ctx, l, minor, majority); err != nil {
			return err
		}
		if err := cutOff(ctx, l, major, minority); err != nil {
			return err
		}
		acquired := 0
		for range attemptsAlone {
			ok, err := minor.TryAcquire(ctx)
			if err != nil {
				return err
			}
			if ok {
				acquired++
			}
		}
		l.Note("%v, which reaches a minority only, got the lock in %d of %d attempts", minor, acquired, attemptsAlone)
		if err := acquireAndRead(ctx, major); err != nil {
			return err
		}
		return duel(ctx, l, major, minor)
	},
}

// cutOff cuts the links of one client to some nodes.
func cutOff(ctx context.Context, l *lab.Lab, c *lab.Client, nodes []int) error {
	_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Partition, Clients: []int{c.Index()}, Nodes: nodes})
	return err
}
