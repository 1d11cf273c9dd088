package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var slowRenewal = Scenario{
	Name:   "slow-renewal",
	About:  "the renewal of a lock is stuck in the network until somebody else has the lock",
	Cause:  "client 1 went on believing while its renewal was stuck in the network",
	Source: "C. Gray and D. Cheriton, \"Leases\" (1989): a holder may count on the old term only, until the new one is granted",
	Steps: []string{
		"client 1 acquires the lock, and from then on its requests to the nodes are stuck in the network",
		"client 1 extends the lock; a lock that renews itself tries that on its own",
		"the time of client 1's lock runs out, and client 2 acquires the lock",
		"the network delivers the renewal; where the lock renews itself, client 1 looks at its lock before that",
	},
	Clients:  2,
	MinNodes: 1,
	Patient:  true,
	Breaks:   subject.TermFromReply | subject.TimerEndsBelief,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		holder, next := l.Clients()[0], l.Clients()[1]
		if err := acquireAndRead(ctx, holder); err != nil {
			return err
		}
		stuck, err := l.Inject(ctx, nemesis.Fault{
			Kind: nemesis.AsymmetricPartition, Direction: nemesis.Requests, Clients: []int{holder.Index()}, Nodes: l.Used(),
		})
		if err != nil {
			return err
		}
		believes, err := extendTooLate(ctx, l, holder, next, stuck)
		if err != nil {
			return err
		}
		if !believes {
			l.Note("%v doesn't believe in its lock any more", holder)
			return nil
		}
		l.Note("%v believes in its lock, while %v believes that it has it", holder, next)
		if err := readAndWrite(ctx, next); err != nil {
			return err
		}
		return writeUnlessLost(ctx, l, holder)
	},
}

// extendTooLate has next acquire the lock while holder's renewal is stuck, and tells whether holder
// still believes after that.
func extendTooLate(ctx context.Context, l *lab.Lab, holder, next *lab.Client, stuck *nemesis.Applied) (bool, error) {
	over := holder.ValidUntil()
	var renewal *lab.Pending
	if !holder.Renews() {
		var err error
		if renewal, err = holder.Begin(protocol.Request{Op: protocol.Extend}); err != nil {
			return false, err
		}
	}
	if err := l.SleepUntil(ctx, over); err != nil {
		return false, err
	}
	if err := next.Acquire(ctx); err != nil {
		return false, err
	}
	if holder.Renews() {
		late := l.Now() > over+l.TTL()/4
		believes, err := holder.Check(ctx)
		if err == nil && !believes && late {
			err = lab.Spoiled("%v got the lock so late that %v had to know by then", next, holder)
		}
		return believes, err
	}
	if err := l.Undo(ctx, stuck); err != nil {
		return false, err
	}
	reply, err := renewal.Wait(ctx)
	if err == nil && reply.Returned >= next.ValidUntil() {
		err = lab.Spoiled("the lock of %v was over before %v had its answer", next, holder)
	}
	return holder.Believes(), err
}
