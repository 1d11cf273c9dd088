package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var lyingDisk = Scenario{
	Name:   "lying-disk",
	About:  "the node that both clients reach syncs each write before it replies (appendfsync always), to a disk that says so and doesn't, and loses its power",
	Cause:  "the node that both clients reach lost its power, and its disk had only said that it had client 1's lock",
	Source: "T. Pillai et al., \"All File Systems Are Not Created Equal\" (OSDI 2014), on disks that ignore flushes; Redis documentation, \"Redis persistence\", https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/",
	Steps: []string{
		"from now on the disk of C says that it has what it's given, and hasn't",
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C loses its power, and starts again without what its disk had only said that it has: it knows everything but the lock",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:     2,
	MinNodes:    3,
	Backend:     cluster.Redis,
	Persistence: cluster.Always,
	Guard:       restartGuard,
	Breaks:      subject.LacksGuards | subject.TrustsDisks,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		fault, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.BrokenDisk, Nodes: s.shared, Disk: cluster.Lying})
		if err != nil {
			return err
		}
		return s.betray(ctx, func() error { return l.Undo(ctx, fault) })
	},
}

var fullDisk = Scenario{
	Name:   "full-disk",
	About:  "the disk of the node that both clients reach is full (ENOSPC): with appendfsync always it ends rather than acknowledge what isn't written",
	Source: "Redis documentation, \"Redis persistence\", https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/; Redis' flushAppendOnlyFile, which exits",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"the disk of C is full, and C ends at its next write",
		"C starts again on a disk that has room, with all that it had acknowledged",
		"client 2, which reaches C, D and E only, tries to get the lock",
	},
	Clients:     2,
	MinNodes:    3,
	Backend:     cluster.Redis,
	Persistence: cluster.Always,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		// The challenger doesn't go on: naive counts from the reply, so the very end of its lock would be shared with whoever comes next.
		return s.challenge(ctx, func() error {
			fault, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.BrokenDisk, Nodes: s.shared, Disk: cluster.Full})
			if err != nil {
				return err
			}
			return l.Undo(ctx, fault)
		})
	},
}

var stallingDisk = Scenario{
	Name:   "stalling-disk",
	About:  "one node's disk takes a quarter of a TTL for each sync (appendfsync always): a lock on a quorum must be no slower for it",
	Source: "Redis documentation, \"Diagnosing latency issues\", section \"Latency due to AOF and disk I/O\", https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency/",
	Steps: []string{
		"a client takes the lock and gives it back, three times",
		"each sync of the disk of C takes a quarter of a TTL",
		"the client takes the lock and gives it back, three times; at least once it must have it in half of that time",
	},
	Clients:     1,
	MinNodes:    3,
	Backend:     cluster.Redis,
	Persistence: cluster.Always,
	Patient:     true,
	Demands:     true,
	Denies:      subject.WaitsForAll,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		_, _, shared := sides(l.Len())
		return outpace(ctx, l, nemesis.Fault{Kind: nemesis.BrokenDisk, Nodes: shared[:1], Disk: cluster.Stalling, By: l.TTL() / 4})
	},
}
