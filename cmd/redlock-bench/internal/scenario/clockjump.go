package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// jumpInTTLs is how far the clock jumps. Anything above 1 would do.
const jumpInTTLs = 10

var clockJump = Scenario{
	Name:   "clock-jump",
	About:  "the clock of the node that both clients reach jumps, so that it drops a lock which its holder believes in",
	Cause:  "the clock of the node that both clients reach jumped, and that node dropped client 1's lock long before its time",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), first example, https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"the clock of C jumps forward, and C drops the lock",
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
			_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClockJump, Nodes: s.shared, By: jumpInTTLs * l.TTL()})
			return err
		})
	},
}
