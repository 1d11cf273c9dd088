package scenario

import (
	"context"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var cancelledAcquire = Scenario{
	Name:   "cancelled-acquire",
	About:  "a caller gives up waiting for a lock; what a minority of the nodes has granted must not stay behind",
	Source: "redsync, Mutex.LockContext, which cleans up on the context that was cancelled",
	Steps: []string{
		"client 1 reaches a minority of the nodes only, and asks for the lock",
		"its caller gives up and cancels the attempt before the other nodes' time-out",
		"client 2, which needs the nodes that client 1 reached, must get the lock within half a TTL",
	},
	Clients:  2,
	MinNodes: 3,
	Demands:  true,
	Denies:   subject.CancelledCleanup,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		impatient, other := l.Clients()[0], l.Clients()[1]
		majority, _, _ := sides(l.Len())
		minority := span(0, l.Len()-len(majority))
		if err := cutOff(ctx, l, impatient, span(len(minority), l.Len())); err != nil {
			return err
		}
		if err := cutOff(ctx, l, other, span(len(majority), l.Len())); err != nil {
			return err
		}
		began := l.Now()
		acquired, err := impatient.TryAcquireFor(ctx, l.TTL()/20)
		if err != nil {
			return err
		}
		if acquired {
			return lab.Spoiled("%v got the lock from a minority of the nodes", impatient)
		}
		left, err := owners(ctx, l, minority)
		if err != nil {
			return err
		}
		l.Note("%v gave up after %v: %s", impatient, l.Now()-began, left)
		leaves := slices.ContainsFunc(l.Used(), func(node int) bool { return slices.Contains(minority, node) })
		if leaves && l.Now()-began > l.TTL()/3 {
			return lab.Spoiled("what %v left behind would be gone by itself too soon", impatient)
		}
		return demandAcquire(ctx, l, other)
	},
}

// fewestAttempts is how often a lock must have been refused to count as refused: a machine that's too
// busy for as many attempts in half a TTL is too busy to grant it.
const fewestAttempts = 3

// slowEnough is a TTL in half of which no machine is too busy for an attempt. A lock whose attempts take as long
// is what takes so long.
const slowEnough = 4 * time.Second

// demandAcquire gives a client half a TTL to get a lock that nobody holds.
func demandAcquire(ctx context.Context, l *lab.Lab, c *lab.Client) error {
	over := l.Now() + l.TTL()/2
	acquired, refused, err := c.Contend(ctx, over)
	switch {
	case err != nil:
		return err
	case acquired && l.Now() > over:
		return lab.Spoiled("%v got the lock, but half a TTL was over", c)
	case !acquired && refused < fewestAttempts && l.TTL() < slowEnough:
		return lab.Spoiled("half a TTL was over before %v had made more than %d attempts", c, refused)
	}
	l.Demand(acquired, "%v gets the lock, which nobody holds, within %v (%d attempts refused)", c, l.TTL()/2, refused)
	return nil
}
