package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
)

var crashAmnesia = Scenario{
	Name:   "crash-amnesia",
	About:  "the node in the middle is killed and comes back empty, while a client believes in its lock",
	Source: "S. Sanfilippo, \"Distributed Locks with Redis\", section \"Performance, crash recovery and fsync\", https://redis.io/docs/latest/develop/use/patterns/distributed-locks/",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C is killed, and starts again with an empty memory",
		"client 2, which reaches C, D and E only, tries to get the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Breaks:   lackGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		return betrayal(ctx, l, func(shared []int) error { return forget(ctx, l, shared) })
	},
}
