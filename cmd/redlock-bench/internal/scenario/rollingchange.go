package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// backwards is how far the clocks of the second list's majority are behind. Fencing tokens are at most an hour
// ahead of the clock of the voter that grants them, so two lists that have no voter in common show in the tokens, too.
const backwards = -2 * time.Hour

// raft is where the figure is that each of the two scenarios plays.
const raft = "D. Ongaro and J. Ousterhout, \"In Search of an Understandable Consensus Algorithm\" (2014), figure 10: switching directly from one configuration to another is unsafe"

var rollingChange = Scenario{
	Name:   "rolling-change",
	About:  "one of three nodes is replaced in the clients' lists, one client after the other: each list has a majority of its own",
	Cause:  "the clients had different lists of nodes, each with a majority of its own",
	Source: raft,
	Steps: []string{
		"client 1 is told of A, B and C, client 2 of A, D and C",
		"the clocks of D and C are behind from the start",
		"client 1 reaches A and B only, client 2 D and C",
		"client 1 acquires the lock, a majority of its list",
		"client 2 tries to get the lock from a majority of its own",
	},
	Clients:      2,
	MinNodes:     4,
	Lists:        func() [][]int { return [][]int{{0, 1, 2}, {0, 3, 2}} },
	Breaks:       subject.AnyList,
	BreaksTokens: subject.AnyList,
	Prepare:      setBack(2, 3),
	Perform:      func(ctx context.Context, l *lab.Lab) error { return listsApart(ctx, l, []int{0, 1}, []int{2, 3}) },
}

var rollingGrowth = Scenario{
	Name:   "rolling-growth",
	About:  "three nodes become five in the clients' lists, one client after the other: each list has a majority of its own",
	Cause:  "the clients had different lists of nodes, each with a majority of its own",
	Source: raft,
	Steps: []string{
		"client 1 is told of A, B and C, client 2 of all five",
		"the clocks of C, D and E are behind from the start",
		"client 1 reaches A and B only, client 2 C, D and E",
		"client 1 acquires the lock, a majority of its list",
		"client 2 tries to get the lock from a majority of its own",
	},
	Clients:      2,
	MinNodes:     5,
	Lists:        func() [][]int { return [][]int{{0, 1, 2}, {0, 1, 2, 3, 4}} },
	Breaks:       subject.AnyList,
	BreaksTokens: subject.AnyList,
	Prepare:      setBack(2, 3, 4),
	Perform:      func(ctx context.Context, l *lab.Lab) error { return listsApart(ctx, l, []int{0, 1}, []int{2, 3, 4}) },
}

// setBack sets the clocks of nodes back.
func setBack(nodes ...int) func(context.Context, *lab.Lab) error {
	return func(ctx context.Context, l *lab.Lab) error {
		_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClockJump, Nodes: nodes, By: backwards})
		return err
	}
}

// listsApart lets two clients with different lists each reach a majority of its own.
func listsApart(ctx context.Context, l *lab.Lab, first, second []int) error {
	holder, challenger := l.Clients()[0], l.Clients()[1]
	if err := getUsed(ctx, l, challenger); err != nil {
		return err
	}
	if err := cutOff(ctx, l, holder, second); err != nil {
		return err
	}
	if err := cutOff(ctx, l, challenger, first); err != nil {
		return err
	}
	if err := acquireAndRead(ctx, holder); err != nil {
		return err
	}
	return duel(ctx, l, holder, challenger)
}

// usedInTTLs is how long, in TTLs, a client tries to get used to the nodes of its list. A voter that's new needs
// one.
const usedInTTLs = 3

// getUsed lets a client take the lock once and give it back, if it's granted any.
func getUsed(ctx context.Context, l *lab.Lab, c *lab.Client) error {
	acquired, refused, err := c.Contend(ctx, l.Now()+usedInTTLs*l.TTL())
	if err != nil {
		return err
	}
	if !acquired {
		l.Note("%v was refused %d times by the nodes of its list, the last time by: %s", c, refused, c.Refusal())
		return nil
	}
	_, err = c.Release(ctx)
	return err
}
