package nemesis

import (
	"context"
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Evict has a node run out of memory and evict keys by Policy. It can't be undone.
const Evict Kind = "evict"

var evict = Type{
	Kind: Evict, Scope: OnNodes, Backend: cluster.Redis, Damages: always, Momentary: true,
	check: func(f Fault) error {
		if !slices.Contains(cluster.Policies(), f.Policy) {
			return fmt.Errorf("nemesis: fault %s: policy %q: give one of %q", f.Kind, f.Policy, cluster.Policies())
		}
		return nil
	},
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.Evict(ctx, f.Policy)
		return proof, nil, err
	},
	// No plan has volatile-lru and its like: they take a lock's record and leave the voter's marker, and no lock survives
	// a voter that forgets and doesn't know it.
	Variants: []Variant{{
		Name: "evict-locks", Claim: LostMemory, About: "a node evicts what has the least time to live (volatile-ttl): locks",
		of:   func(f Fault) bool { return f.Policy == cluster.VolatileTTL },
		draw: func(d Dice) []Fault { return []Fault{{Kind: Evict, Nodes: d.node(), Policy: cluster.VolatileTTL}} },
	}, {
		Name: "evict-all", Claim: LostMemory, About: "a node evicts everything (allkeys-random)",
		of:   func(f Fault) bool { return f.Policy == "allkeys-random" },
		draw: func(d Dice) []Fault { return []Fault{{Kind: Evict, Nodes: d.node(), Policy: "allkeys-random"}} },
	}},
}
