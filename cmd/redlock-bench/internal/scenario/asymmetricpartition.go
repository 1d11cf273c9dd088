package scenario

import (
	"context"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var asymmetricPartition = Scenario{
	Name:   "asymmetric-partition",
	About:  "a holder's requests still reach the nodes, but their replies don't reach it: it must stop believing",
	Cause:  "client 1 went on believing although no reply reached it",
	Source: "C. Gray and D. Cheriton, \"Leases\" (1989): a term that was granted counts for its holder only once it knows",
	Steps: []string{
		"client 1 acquires the lock and extends it once, and from then on no reply reaches it",
		"half a TTL before its time is over, client 1 extends the lock, unless it does that on its own; the nodes do so, and client 1 doesn't hear of it",
		"the time that client 1 knows of is over: it must not believe in its lock any more",
		"client 2 acquires the lock once it's over on the nodes, too, reads and writes",
		"the replies are delivered; client 1 looks at its lock, and writes if it takes it to be valid",
	},
	Clients:  2,
	MinNodes: 1,
	Breaks:   subject.TimerEndsBelief,
	Races:    subject.TimerEndsBelief,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		holder, next := l.Clients()[0], l.Clients()[1]
		if err := acquireAndRead(ctx, holder); err != nil {
			return err
		}
		// Once before, so that the nodes know the script by which most locks do it.
		kept, err := renew(ctx, holder)
		if err != nil {
			return err
		}
		if !kept {
			return lab.Spoiled("%v can't extend its lock: %s", holder, holder.Refusal())
		}
		cut, err := l.Inject(ctx, nemesis.Fault{
			Kind: nemesis.AsymmetricPartition, Direction: nemesis.Replies, Clients: []int{holder.Index()}, Nodes: l.Used(),
		})
		if err != nil {
			return err
		}
		over := holder.ValidUntil()
		if err := l.SleepUntil(ctx, over-l.TTL()/2); err != nil {
			return err
		}
		if err := extendUnheard(ctx, l, holder); err != nil {
			return err
		}
		if err := l.SleepUntil(ctx, over); err != nil {
			return err
		}
		l.Note("the time that %v knows of is over", holder)
		if err := next.Acquire(ctx); err != nil {
			return err
		}
		if err := readAndWrite(ctx, next); err != nil {
			return err
		}
		if err := l.Undo(ctx, cut); err != nil {
			return err
		}
		believes, err := holder.Check(ctx)
		if err != nil {
			return err
		}
		if !believes {
			l.Note("%v doesn't believe in its lock any more", holder)
			return nil
		}
		l.Note("%v believes in its lock, while %v believes that it has it", holder, next)
		return writeUnlessLost(ctx, l, holder)
	},
}

// extendUnheard has the holder extend its lock, unless that's done in the background, and sees
// that the nodes did so.
func extendUnheard(ctx context.Context, l *lab.Lab, holder *lab.Client) error {
	if holder.Renews() {
		return nil
	}
	before, err := majorityExpiry(ctx, l)
	if err != nil {
		return err
	}
	if _, err := holder.Extend(ctx); err != nil {
		return err
	}
	after, err := majorityExpiry(ctx, l)
	if err != nil {
		return err
	}
	won := (after - before).Round(time.Millisecond)
	if won < l.TTL()/10 {
		return lab.Spoiled("a majority of the nodes hasn't extended the lock of %v: it ends %v later", holder, won)
	}
	l.Note("a majority of the nodes extended the lock of %v by %v, and it was told: %s", holder, won, holder.Refusal())
	return nil
}

// majorityExpiry is until when a majority of the nodes that matter have the lock.
func majorityExpiry(ctx context.Context, l *lab.Lab) (time.Duration, error) {
	var ends []time.Duration
	for _, i := range l.Used() {
		reply, err := l.Node(i).Command(ctx, "PTTL", lab.LockName)
		if err != nil {
			return 0, err
		}
		left, _ := reply.(int64) // negative if there is no key
		ends = append(ends, l.Now()+time.Duration(left)*time.Millisecond)
	}
	slices.Sort(ends)
	return ends[(len(ends)-1)/2], nil
}
