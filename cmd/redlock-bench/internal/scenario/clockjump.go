package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// lackGuards are the subjects that count the vote of a node whose clock jumped or whose memory
// is gone, as if nothing had happened.
var lackGuards = []string{
	"naive", "single", "unchecked", "classic", "redsync", "redsync-setnx", "redsync-failfast", "bsm",
}

// jumpInTTLs is how far the clock jumps. Anything above 1 would do.
const jumpInTTLs = 10

var clockJump = Scenario{
	Name:   "clock-jump",
	About:  "the clock of the node in the middle jumps, so that it drops a lock which its holder believes in",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), first example, https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"the clock of C jumps forward, and C drops the lock",
		"client 2, which reaches C, D and E only, tries to get the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Breaks:   lackGuards,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		return betrayal(ctx, l, func(shared []int) error {
			_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.ClockJump, Nodes: shared, By: jumpInTTLs * l.TTL()})
			return err
		})
	},
}

// betrayal gives client 1 the lock on one majority and lets client 2 try on another, after
// something has happened to the nodes that both share.
func betrayal(ctx context.Context, l *lab.Lab, happens func(shared []int) error) error {
	holder, challenger := l.Clients()[0], l.Clients()[1]
	first, second, shared := sides(l.Len())
	if err := cutOff(ctx, l, holder, span(len(first), l.Len())); err != nil {
		return err
	}
	if err := cutOff(ctx, l, challenger, span(0, l.Len()-len(second))); err != nil {
		return err
	}
	if err := acquireAndRead(ctx, holder); err != nil {
		return err
	}
	if err := happens(shared); err != nil {
		return err
	}
	left, err := owners(ctx, l, shared)
	if err != nil {
		return err
	}
	l.Note("of the lock of %v, the nodes in the middle know: %s", holder, left)
	if holder.Renews() {
		// It may be told of its loss. Whether that's before another client is granted the lock, in
		// the same millisecond, is a matter of chance.
		if err := l.SleepUntil(ctx, l.Now()+l.TTL()/10); err != nil {
			return err
		}
	}
	return duel(ctx, l, holder, challenger)
}
