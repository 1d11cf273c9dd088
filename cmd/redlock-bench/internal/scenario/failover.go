package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var failover = Scenario{
	Name:   "failover",
	About:  "the node that both clients reach fails over to a replica that missed the lock",
	Cause:  "the node that both clients reach failed over to a replica that had never heard of client 1's lock",
	Source: "S. Sanfilippo, \"Distributed Locks with Redis\", section \"Why failover-based implementations are not enough\", https://redis.io/docs/latest/develop/use/patterns/distributed-locks/",
	Steps: []string{
		"C gets a replica, is in sync with it, and loses the connection to it",
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C is killed, and its replica is promoted and takes its place: it knows everything but the lock",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Guard:    restartGuard,
	Breaks:   subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		lag, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Failover, Nodes: s.shared})
		if err != nil {
			return err
		}
		return s.betray(ctx, func() error {
			return l.Undo(ctx, lag)
		})
	},
}
