package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var flush = Scenario{
	Name:   "flushall",
	About:  "FLUSHALL empties the node that both clients reach, while a client believes in its lock",
	Cause:  "FLUSHALL emptied the node that both clients reach, which no longer knew of client 1's lock",
	Source: "Redis documentation, FLUSHALL, https://redis.io/docs/latest/commands/flushall/: a loss of memory that no new run id tells of",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C executes FLUSHALL",
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
		return s.betray(ctx, func() error {
			_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.FlushNode, Nodes: s.shared})
			return err
		})
	},
}
