package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var slowClock = Scenario{
	Name:   "slow-clock",
	About:  "the clock of the node that both clients reach is behind for long, and is put right while a client believes in its lock",
	Cause:  "the clock of the node that both clients reach was put right, and that node dropped client 1's lock long before its time",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), on clocks that are stepped by NTP or by hand; clients that have met the node before see nothing new",
	Steps: []string{
		"the clock of C is behind, and everybody gets used to it",
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"the clock of C is put right, and C drops the lock",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Guard:    clockGuard,
	Breaks:   subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		_, _, shared := sides(l.Len())
		return correctedUnderALock(ctx, l, shared, nil)
	},
}

// correctedUnderALock lets the clocks of some nodes be behind, and has them put right under a lock. The
// clients meet them before that, and once more when prepare, if there's any, has prepared the network.
func correctedUnderALock(ctx context.Context, l *lab.Lab, nodes []int, prepare func() error) error {
	behind, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClockJump, Nodes: nodes, By: -jumpInTTLs * l.TTL()})
	if err != nil {
		return err
	}
	if prepare != nil {
		if err := prepare(); err != nil {
			return err
		}
	}
	for _, c := range l.Clients() {
		if err := c.Acquire(ctx); err != nil {
			return err
		}
		if released, err := c.Release(ctx); err != nil || !released {
			return lab.Spoiled("%v couldn't give the lock back: %v", c, err)
		}
	}
	s, err := divide(ctx, l)
	if err != nil {
		return err
	}
	return s.betray(ctx, func() error {
		return l.Undo(ctx, behind)
	})
}
