package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var replayedRequests = Scenario{
	Name:   "replayed-requests",
	About:  "the requests by which a client took, extended and gave back a lock are carried out once more, under the next one's lock",
	Cause:  "client 1's release, carried out once more, deleted the key of client 2's lock",
	Source: "at-least-once delivery: J. H. Saltzer, D. P. Reed and D. D. Clark, \"End-to-End Arguments in System Design\" (1984), section on duplicate message suppression",
	Steps: []string{
		"from now on all requests of client 1 are carried out once more half a TTL later",
		"client 1 acquires the lock, extends it and gives it back",
		"client 2 acquires the lock, and believes in it when client 1's requests come again",
		"client 3 tries to get the lock while client 2 believes in it",
	},
	Clients:  3,
	MinNodes: 1,
	Breaks:   subject.BlindRelease,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		before, holder, third := l.Clients()[0], l.Clients()[1], l.Clients()[2]
		later := l.TTL() / 2
		fault, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Replay, Nodes: l.Used(), Clients: []int{before.Index()}, By: later, Each: true})
		if err != nil {
			return err
		}
		if err := before.Acquire(ctx); err != nil {
			return err
		}
		if !before.Renews() {
			if _, err := before.Extend(ctx); err != nil {
				return err
			}
		}
		first := l.Now()
		if _, err := before.Release(ctx); err != nil {
			return err
		}
		given := l.Now()
		if err := acquireAndRead(ctx, holder); err != nil {
			return err
		}
		if l.Now() > first+later {
			return lab.Spoiled("%v got the lock only after the requests of %v had come again", holder, before)
		}
		if err := l.SleepUntil(ctx, given+later+l.TTL()/20); err != nil {
			return err
		}
		if err := l.Undo(ctx, fault); err != nil {
			return err
		}
		left, err := owners(ctx, l, l.Used())
		if err != nil {
			return err
		}
		l.Note("the requests of %v have come again, under the lock of %v: %s", before, holder, left)
		return duelUntil(ctx, l, holder, third, holder.ValidUntil()-l.TTL()/10, 1)
	},
}
