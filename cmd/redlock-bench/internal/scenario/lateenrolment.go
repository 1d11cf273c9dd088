package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var lateEnrolment = Scenario{
	Name:   "late-enrolment",
	About:  "the node that both clients reach is emptied, and learns who it is from requests that were stuck on the way, while its clock is behind",
	Cause:  "the node that both clients reach was emptied, and no longer knew of client 1's lock",
	Source: "a review of this module's restart guard, whose enrolment once carried the time at which it was sent",
	Steps: []string{
		"client 3 is cut off from C, and tries to get the lock; its requests to C are stuck",
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C is emptied and its clock set back; what was stuck arrives; C's clock is put right",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:  3,
	MinNodes: 3,
	Guard:    restartGuard,
	Breaks:   subject.LacksGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		_, _, shared := sides(l.Len())
		other := l.Clients()[2]
		stuck, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Partition, Clients: []int{other.Index()}, Nodes: shared})
		if err != nil {
			return err
		}
		acquired, err := other.TryAcquire(ctx)
		if err != nil {
			return err
		}
		if acquired {
			if _, err := other.Release(ctx); err != nil {
				return err
			}
		}
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		return s.betray(ctx, func() error {
			if _, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.FlushNode, Nodes: shared}); err != nil {
				return err
			}
			behind, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClockJump, Nodes: shared, By: -l.TTL() * 4 / 5})
			if err != nil {
				return err
			}
			if err := l.Undo(ctx, stuck); err != nil {
				return err
			}
			return l.Undo(ctx, behind)
		})
	},
}
