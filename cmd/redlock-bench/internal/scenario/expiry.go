package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var expiry = Scenario{
	Name:   "expiry",
	About:  "a client's work takes longer than its lock lives, and it doesn't look at the lock again",
	Source: "the classic misuse; C. Gray and D. Cheriton, \"Leases\" (1989), on what holders must do before a lease ends",
	Steps: []string{
		"client 1 acquires the lock, reads the counter, and works until the time of its lock is over",
		"client 2 acquires the lock, reads and writes",
		"client 1 writes without another look at its lock",
	},
	Clients:     2,
	MinNodes:    1,
	Breaks:      subject.TimerEndsBelief,
	StaleWrites: true,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		slow, other := l.Clients()[0], l.Clients()[1]
		if err := acquireAndRead(ctx, slow); err != nil {
			return err
		}
		if err := succeed(ctx, l, slow, other); err != nil {
			return err
		}
		if err := slow.Resume(ctx); err != nil {
			return err
		}
		_, err := slow.Write(ctx, false)
		l.Note("%v wrote without another look at its lock", slow)
		return err
	},
}
