package nemesis

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Failover gives a node a replica that misses all further writes; it's undone by the replica taking over.
const Failover Kind = "failover"

var failover = Type{
	Kind: Failover, Scope: OnNodes, Damages: always,
	node: func(ctx context.Context, _ Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.Replicate(ctx)
		return proof, n.Failover, err
	},
	Variants: []Variant{{
		Name: "failover", Claim: LostMemory, About: "a node fails over to a replica that missed the last writes",
		draw: func(d Dice) []Fault { return []Fault{{Kind: Failover, Nodes: d.node(), For: d.ttls(0.1, 0.8)}} },
	}, {
		Name: "rolling-failover", Claim: LostMemory, About: "all nodes fail over one after the other, each to a replica that missed the last writes",
		// A node counts as damaged for 1.5 TTLs after that; the next must not be the second, or another fault the third.
		draw: func(d Dice) []Fault {
			return d.rolling("rolling-failover", 2, func(node []int) Fault {
				return Fault{Kind: Failover, Nodes: node, For: d.ttls(0.1, 0.5)}
			})
		},
	}},
}
