package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var pauseAfterCheck = Scenario{
	Name:   "pause-after-check",
	About:  "a client's process stops between its last look at the lock and its write",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), section \"Protecting a resource with a lock\"; C. Gray and D. Cheriton, \"Leases\" (1989)",
	Steps: []string{
		"client 1 acquires the lock, reads the counter, finds its lock still valid, and stops right there",
		"the time of its lock runs out; client 2 acquires the lock, reads and writes",
		"client 1 goes on and writes",
	},
	Clients:     2,
	MinNodes:    1,
	Breaks:      subject.TimerEndsBelief,
	StaleWrites: true,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		paused, other := l.Clients()[0], l.Clients()[1]
		if err := acquireAndRead(ctx, paused); err != nil {
			return err
		}
		write, err := paused.Begin(protocol.Request{Op: protocol.Write, Recheck: true, StopAfterCheck: true})
		if err != nil {
			return err
		}
		if err := paused.AwaitStopped(ctx); err != nil {
			return err
		}
		if err := succeed(ctx, l, paused, other); err != nil {
			return err
		}
		if err := paused.Resume(ctx); err != nil {
			return err
		}
		_, err = write.Wait(ctx)
		l.Note("%v went on with its write", paused)
		return err
	},
}
