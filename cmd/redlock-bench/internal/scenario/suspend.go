package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var suspend = Scenario{
	Name:   "suspend",
	About:  "a client's machine is suspended, and the clock by which it counts its lock's time stands still (emulated)",
	Cause:  "client 1's machine was suspended, and the clock by which client 1 counts stood still meanwhile",
	Source: "Go's monotonic clock stands still while Linux is suspended, https://go.dev/issue/24595; clock_gettime(2), on CLOCK_MONOTONIC and CLOCK_BOOTTIME",
	Steps: []string{
		"client 1 acquires the lock and reads the counter",
		"client 1's machine is suspended. No experiment can do that to the machine that it runs on, so the process is stopped with " +
			"SIGSTOP instead; of a client that counts time on Go's clock, that clock is then set back by the length of the stop. " +
			"A client that reads the boot clock needs no such stand-in",
		"the time of client 1's lock runs out; client 2 acquires the lock, reads and writes",
		"client 1's machine goes on; client 1 looks at its lock, and writes if it takes it to be valid",
	},
	Clients:  2,
	MinNodes: 1,
	BuiltIn:  true,
	Guard:    suspendGuard,
	Breaks:   subject.GoClock,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		sleeper, other := l.Clients()[0], l.Clients()[1]
		if err := acquireAndRead(ctx, sleeper); err != nil {
			return err
		}
		over := sleeper.ValidUntil()
		look, err := sleeper.Suspend(ctx)
		if err != nil {
			return err
		}
		if err := succeed(ctx, l, sleeper, other); err != nil {
			return err
		}
		if err := sleeper.Resume(ctx); err != nil {
			return err
		}
		reply, err := look.Wait(ctx)
		if err != nil {
			return err
		}
		if reply.Returned >= other.ValidUntil() {
			return lab.Spoiled("the lock of %v was over before %v looked at its own", other, sleeper)
		}
		if !reply.OK {
			l.Note("%v saw that the time of its lock was over", sleeper)
			return nil
		}
		l.Note("%v believes that its lock is valid for another %v; it was over %v ago",
			sleeper, (reply.ValidUntil - reply.Returned).Round(time.Millisecond), (reply.Returned - over).Round(time.Millisecond))
		return writeUnlessLost(ctx, l, sleeper)
	},
}
