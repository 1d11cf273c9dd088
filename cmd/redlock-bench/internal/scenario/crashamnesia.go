package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var crashAmnesia = Scenario{
	Name:   "crash-amnesia",
	About:  "the node that both clients reach is killed and comes back empty, while a client believes in its lock",
	Cause:  "the node that both clients reach was killed, came back empty, and no longer knew of client 1's lock",
	Source: "S. Sanfilippo, \"Distributed Locks with Redis\", section \"Performance, crash recovery and fsync\", https://redis.io/docs/latest/develop/use/patterns/distributed-locks/",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C is killed, and starts again with an empty memory",
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
		return s.betray(ctx, func() error { return restart(ctx, l, s.shared, cluster.Lose) })
	},
}

// restart kills nodes and starts them anew.
func restart(ctx context.Context, l *lab.Lab, nodes []int, memory cluster.Memory) error {
	crash, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.CrashNode, Nodes: nodes, Memory: memory})
	if err != nil {
		return err
	}
	return l.Undo(ctx, crash)
}
