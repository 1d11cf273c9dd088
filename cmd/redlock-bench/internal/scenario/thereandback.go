package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var clockThereAndBack = Scenario{
	Name:   "clock-there-and-back",
	About:  "the clock of the node that both clients reach jumps, and back before anybody looks, so that it drops a lock and nobody can see why",
	Cause:  "the clock of the node that both clients reach jumped, and back at once, and meanwhile that node dropped client 1's lock",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), on clocks that are stepped by NTP or by hand",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"the clock of C jumps forward, and C drops the lock; then it's put right again",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Guard:    clockGuard,
	Breaks:   subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		return s.betray(ctx, func() error {
			jump, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClockJump, Nodes: s.shared, By: jumpInTTLs * l.TTL()})
			if err != nil {
				return err
			}
			if err := s.awaitDropped(ctx, s.holder.ValidUntil()-l.TTL()/2); err != nil {
				return err
			}
			return l.Undo(ctx, jump)
		})
	},
}
