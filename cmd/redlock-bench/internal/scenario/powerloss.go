package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// unsynced is for how long appendfsync everysec surely may not have synced, with room for the kill.
const unsynced = 900 * time.Millisecond

var powerLoss = Scenario{
	Name:   "power-loss",
	About:  "the node that both clients reach loses its power, and with it the last writes that it hadn't synced (appendfsync everysec)",
	Cause:  "the node that both clients reach lost its power before it had synced client 1's lock to its disk",
	Source: "S. Sanfilippo, \"Distributed Locks with Redis\", section \"Performance, crash recovery and fsync\", https://redis.io/docs/latest/develop/use/patterns/distributed-locks/",
	Steps: []string{
		"the nodes keep a log that they sync once a second; C has just done so",
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C loses its power, and starts again without the end of its log: it knows everything but the lock",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:     2,
	MinNodes:    3,
	Persistence: cluster.EverySecond,
	Guard:       restartGuard,
	Breaks:      subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		taken := l.Now()
		if err := s.checkpoint(ctx); err != nil {
			return err
		}
		return s.betray(ctx, func() error {
			if age := l.Now() - taken; age > unsynced {
				return lab.Spoiled("%v took so long to acquire the lock that C may have synced it: %v", s.holder, age)
			}
			return restart(ctx, l, s.shared, cluster.PowerLoss)
		})
	},
}

// checkpoint has the nodes that both clients reach write to disk what they know.
func (s *stage) checkpoint(ctx context.Context) error {
	for _, i := range s.shared {
		proof, err := s.lab.Node(i).Checkpoint(ctx)
		if err != nil {
			return err
		}
		s.lab.Witness(proof)
	}
	return nil
}
