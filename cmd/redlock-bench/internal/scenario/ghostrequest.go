package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var ghostRequest = Scenario{
	Name:   "ghost-request",
	About:  "requests for a lock are stuck in stopped servers, which carry them out long after the client has given up",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), section \"The synchrony assumptions of Redlock\", on packets that are delayed for long",
	Steps: []string{
		"all nodes are stopped, and client 1 asks for the lock",
		"client 1 gives up and cleans up, of which the nodes notice nothing",
		"half a TTL later the nodes go on, and carry out what is in their sockets",
		"client 2 must get the lock, which nobody holds, within half a TTL",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:  2,
	MinNodes: 1,
	Guard:    ghostGuard,
	Demands:  true,
	Denies:   subject.LateRequests,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		slow, other := l.Clients()[0], l.Clients()[1]
		stop, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.PauseNode, Nodes: l.Used()})
		if err != nil {
			return err
		}
		acquired, err := slow.TryAcquire(ctx)
		if err != nil {
			return err
		}
		if acquired {
			return lab.Spoiled("%v got the lock from nodes that are stopped", slow)
		}
		gaveUp := l.Now()
		l.Note("%v gave up: %s", slow, slow.Refusal())
		if err := l.SleepUntil(ctx, gaveUp+l.TTL()/2); err != nil {
			return err
		}
		if err := l.Undo(ctx, stop); err != nil {
			return err
		}
		ghosts, err := l.CountGhosts(ctx)
		if err != nil {
			return err
		}
		l.Note("%v after %v had given up, %d of %d nodes hold its lock", (l.Now() - gaveUp).Round(time.Millisecond), slow, ghosts, len(l.Used()))
		if err := demandAcquire(ctx, l, other); err != nil || other.Believes() {
			return err
		}
		return other.Acquire(ctx)
	},
}
