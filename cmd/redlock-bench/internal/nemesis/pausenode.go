package nemesis

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// PauseNode is SIGSTOP; it's undone by SIGCONT.
const PauseNode Kind = "pause-node"

var pauseNode = Type{
	Kind: PauseNode, Scope: OnNodes, Silences: true,
	node: func(ctx context.Context, _ Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.Pause(ctx)
		return proof, n.Resume, err
	},
	Variants: []Variant{{
		Name: "pause-node", Claim: Pauses, About: "a node is stopped by SIGSTOP, and goes on",
		draw: func(d Dice) []Fault { return []Fault{{Kind: PauseNode, Nodes: d.node(), For: d.ttls(0.1, 2)}} },
	}},
}
