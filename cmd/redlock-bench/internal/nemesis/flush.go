package nemesis

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// FlushNode loses every key. It can't be undone.
const FlushNode Kind = "flush"

var flushNode = Type{
	Kind: FlushNode, Scope: OnNodes, Damages: always, Momentary: true,
	node: func(ctx context.Context, _ Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.Flush(ctx)
		return proof, nil, err
	},
	Variants: []Variant{{
		Name: "flush", Claim: LostMemory, About: "somebody empties a node by FLUSHALL",
		draw: func(d Dice) []Fault { return []Fault{{Kind: FlushNode, Nodes: d.node()}} },
	}},
}
