package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var staleUnlock = Scenario{
	Name:   "stale-unlock",
	About:  "a client that was too slow gives back a lock that is no longer its own",
	Cause:  "client 1, which was too slow, deleted the key of client 2's lock",
	Source: "Redis documentation, SET: \"a client [that] will delete the key [...] created by another client\", https://redis.io/docs/latest/commands/set/",
	Steps: []string{
		"client 1 acquires the lock and works until its time is over",
		"client 2 acquires the lock",
		"client 1 is done and gives \"its\" lock back",
		"client 3 tries to get the lock",
	},
	Clients:  3,
	MinNodes: 1,
	Breaks:   subject.BlindRelease,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		slow, next, third := l.Clients()[0], l.Clients()[1], l.Clients()[2]
		if err := slow.Acquire(ctx); err != nil {
			return err
		}
		if err := slow.Outlast(ctx); err != nil {
			return err
		}
		if err := acquireAndRead(ctx, next); err != nil {
			return err
		}
		if err := slow.Resume(ctx); err != nil {
			return err
		}
		before, err := owners(ctx, l, l.Used())
		if err != nil {
			return err
		}
		if _, err := slow.Release(ctx); err != nil {
			return err
		}
		after, err := owners(ctx, l, l.Used())
		if err != nil {
			return err
		}
		l.Note("%v gave its lock back late: before %s; after %s", slow, before, after)
		return duel(ctx, l, next, third)
	},
}
