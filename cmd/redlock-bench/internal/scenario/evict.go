package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var eviction = Scenario{
	Name:   "eviction",
	About:  "the node that both clients reach runs out of memory and evicts a lock's key, which has the least time to live (volatile-ttl)",
	Cause:  "the node that both clients reach ran out of memory and evicted client 1's lock",
	Source: "Redis documentation, \"Key eviction\", https://redis.io/docs/latest/develop/reference/eviction/",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"other data fills the memory of C, whose maxmemory-policy is volatile-ttl: it evicts the lock's key, and then other data",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Backend:  cluster.Redis,
	Breaks:   subject.LacksGuards,
	Perform:  evicts(cluster.VolatileTTL),
}

var recordEviction = Scenario{
	Name:   "record-eviction",
	About:  "the node that both clients reach evicts all keys that have a time to live (volatile-lru): a lock's key and its record, but not what it knows of itself",
	Cause:  "the node that both clients reach ran out of memory and evicted client 1's lock, and all that it knew of it",
	Source: "docs/safety.md, \"What guarded can't survive\"; Redis documentation, \"Key eviction\", https://redis.io/docs/latest/develop/reference/eviction/",
	Steps: []string{
		"client 1 reaches nodes A, B and C only, and acquires the lock",
		"C runs out of memory, and its maxmemory-policy is volatile-lru: it evicts the lock's key and its record; its marker has no time to live, and stays",
		"client 2, which reaches C, D and E only, tries to get the lock",
		"if it's refused, it goes on trying until it has the lock",
	},
	Clients:  2,
	MinNodes: 3,
	Backend:  cluster.Redis,
	Breaks:   subject.LacksGuards | subject.RecordsExpire,
	Perform:  evicts("volatile-lru"),
}

// evicts is an experiment in which the nodes that both clients reach evict keys.
func evicts(policy string) func(context.Context, *lab.Lab) error {
	return func(ctx context.Context, l *lab.Lab) error {
		s, err := divide(ctx, l)
		if err != nil {
			return err
		}
		return s.betray(ctx, func() error {
			_, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.Evict, Nodes: s.shared, Policy: policy})
			return err
		})
	}
}
