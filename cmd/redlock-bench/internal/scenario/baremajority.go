package scenario

import (
	"context"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var bareMajority = Scenario{
	Name:   "bare-majority",
	About:  "one restart must not end a lock that only just a majority granted, when the other nodes have been back since",
	Source: "https://github.com/go-redsync/redsync/issues/186",
	Steps: []string{
		"client 1 reaches just a majority of the nodes, and acquires the lock",
		"the other nodes are back, and client 1 renews its lock",
		"one node of the majority restarts with an empty memory",
		"client 1 must be able to renew its lock, which nobody else wants",
	},
	Clients:  1,
	MinNodes: 3,
	Demands:  true,
	Denies:   subject.NoHealing,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		holder := l.Clients()[0]
		if err := acquireFromBareMajority(ctx, l, holder); err != nil {
			return err
		}
		kept, err := renew(ctx, holder)
		if err != nil {
			return err
		}
		if !kept {
			return lab.Spoiled("%v couldn't renew its lock with all nodes up: %s", holder, holder.Refusal())
		}
		if err := awaitSpread(ctx, l); err != nil {
			return err
		}
		if err := restart(ctx, l, []int{0}, cluster.Lose); err != nil {
			return err
		}
		over := holder.ValidUntil()
		for range renewals {
			if kept, err = renew(ctx, holder); err != nil {
				return err
			}
			if kept {
				break
			}
		}
		if !kept && l.Now() > over {
			return lab.Spoiled("the lock of %v was over before it could be renewed", holder)
		}
		if !kept {
			l.Note("%v couldn't renew its lock: %s", holder, holder.Refusal())
		}
		l.Demand(kept, "%v renews its lock after one node has restarted", holder)
		return nil
	},
}

// renewals is how often a renewal is tried before it counts as refused: a time-out on a busy machine
// isn't what this is about.
const renewals = 3

// acquireFromBareMajority has a client acquire the lock while it reaches no more than a majority of
// the nodes. It returns when it reaches all of them.
func acquireFromBareMajority(ctx context.Context, l *lab.Lab, c *lab.Client) error {
	majority, _, _ := sides(l.Len())
	rest := span(len(majority), l.Len())
	cut, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Partition, Clients: []int{c.Index()}, Nodes: rest})
	if err != nil {
		return err
	}
	if err := c.Acquire(ctx); err != nil {
		return err
	}
	// What was on its way is lost, or the other nodes would grant the lock after all. A lock that doesn't
	// live on them has sent them nothing.
	unused := func(node int) bool { return !slices.Contains(l.Used(), node) }
	if used := slices.DeleteFunc(slices.Clone(rest), unused); len(used) > 0 {
		if _, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ResetLinks, Clients: []int{c.Index()}, Nodes: used}); err != nil {
			return err
		}
	}
	return l.Undo(ctx, cut)
}

// awaitSpread waits until the lock is on every node, for a fifth of the TTL at the most: giving
// it to those that lack it is nothing that a renewal has to wait for, and most subjects don't.
func awaitSpread(ctx context.Context, l *lab.Lab) error {
	all := span(0, l.Len())
	for deadline := l.Now() + l.TTL()/5; ; {
		holding := 0
		for _, i := range all {
			_, found, err := l.Node(i).Value(ctx, lab.LockName)
			if err != nil {
				return err
			}
			if found {
				holding++
			}
		}
		if now := l.Now(); holding == len(all) || now >= deadline {
			l.Note("after the renewal %d of %d nodes hold the lock", holding, len(all))
			return nil
		}
		if err := l.SleepUntil(ctx, l.Now()+l.TTL()/200); err != nil {
			return err
		}
	}
}
