package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var reorderedRequests = Scenario{
	Name:   "reordered-requests",
	About:  "the request by which a client gives a lock up overtakes that by which it asked for it, on every node",
	Source: "redsync with WithFailFast, whose release overtakes its own acquisition (docs/experiments.md, bug L); proxies with pools of connections",
	Steps: []string{
		"from now on each request of client 1 waits until the next one has overtaken it",
		"client 1 asks for the lock, gives up, and cleans up; what cleans up arrives first",
		"client 2 must get the lock, which nobody holds, within half a TTL",
	},
	Clients:  2,
	MinNodes: 1,
	Demands:  true,
	Denies:   subject.RefusesItself,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		hasty, other := l.Clients()[0], l.Clients()[1]
		fault, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Reorder, Nodes: l.Used(), Clients: []int{hasty.Index()}, By: l.TTL(), Each: true})
		if err != nil {
			return err
		}
		acquired, err := hasty.TryAcquire(ctx)
		if err != nil {
			return err
		}
		if acquired {
			l.Note("%v got the lock all the same, and gives it back", hasty)
			if _, err := hasty.Release(ctx); err != nil {
				return err
			}
		} else {
			l.Note("%v gave up: %s", hasty, hasty.Refusal())
		}
		if err := l.SleepUntil(ctx, l.Now()+l.TTL()/20); err != nil {
			return err
		}
		if err := l.Undo(ctx, fault); err != nil { // what nothing has overtaken arrives now
			return err
		}
		left, err := owners(ctx, l, l.Used())
		if err != nil {
			return err
		}
		l.Note("all requests have arrived: %s", left)
		return demandAcquire(ctx, l, other)
	},
}
