package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var revival = Scenario{
	Name:   "revival",
	About:  "a client extends a lock that was over, and that somebody else had and gave back in the meantime",
	Cause:  "client 1 extended a lock that was over, and that client 2 had had in the meantime",
	Source: "redsync, WithSetNXOnExtend, https://github.com/go-redsync/redsync/pull/149",
	Steps: []string{
		"client 1 acquires the lock, reads the counter, and works until the time of its lock is over",
		"client 2 acquires the lock, reads, writes and gives the lock back",
		"client 1 extends its lock; if that's granted, what it has read should still be current, and it writes",
	},
	Clients:  2,
	MinNodes: 1,
	Breaks:   subject.Revives | subject.TimerEndsBelief,
	Races:    subject.TimerEndsBelief,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		slow, other := l.Clients()[0], l.Clients()[1]
		if err := acquireAndRead(ctx, slow); err != nil {
			return err
		}
		if err := succeed(ctx, l, slow, other); err != nil {
			return err
		}
		if _, err := other.Release(ctx); err != nil {
			return err
		}
		if err := slow.Resume(ctx); err != nil {
			return err
		}
		kept, err := renew(ctx, slow)
		if err != nil {
			return err
		}
		if !kept {
			l.Note("%v couldn't extend the lock: %s", slow, slow.Refusal())
			return nil
		}
		l.Note("%v extended the lock that %v had in the meantime", slow, other)
		return writeUnlessLost(ctx, l, slow)
	},
}

// renew extends a lock, and tells whether it was kept. A lock that renews itself is only looked at.
func renew(ctx context.Context, c *lab.Client) (bool, error) {
	if c.Renews() {
		return c.Check(ctx)
	}
	return c.Extend(ctx)
}
