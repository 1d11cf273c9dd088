package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var oldSnapshot = Scenario{
	Name:   "rdb-restart",
	About:  "the node that both clients reach restarts from a snapshot (RDB) that is older than a client's lock",
	Cause:  "the node that both clients reach came back with a snapshot that was older than client 1's lock",
	Source: "Redis documentation, \"Redis persistence\", on the disadvantages of RDB, https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/",
	Steps: []string{
		"C saves a snapshot",
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C is killed, and starts again from its snapshot: it knows everything but the lock",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:     2,
	MinNodes:    3,
	Persistence: cluster.Snapshots,
	Guard:       restartGuard,
	Breaks:      subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		if err := s.checkpoint(ctx); err != nil {
			return err
		}
		return s.betray(ctx, func() error { return restart(ctx, l, s.shared, cluster.Snapshot) })
	},
}
