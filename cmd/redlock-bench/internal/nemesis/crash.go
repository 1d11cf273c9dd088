package nemesis

import (
	"context"
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// CrashNode is SIGKILL; it's undone by a restart with Memory.
const CrashNode Kind = "crash-node"

var crashNode = Type{
	Kind: CrashNode, Scope: OnNodes, Silences: true,
	Damages: func(f Fault) bool { return f.Memory != cluster.Keep },
	check: func(f Fault) error {
		if !slices.Contains(cluster.Memories(), f.Memory) {
			return fmt.Errorf("nemesis: fault %s: memory %q: give one of %q", f.Kind, f.Memory, cluster.Memories())
		}
		return nil
	},
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.Kill(ctx)
		return proof, func(ctx context.Context) (effect.Proof, error) { return n.Restart(ctx, f.Memory) }, err
	},
	Variants: []Variant{{
		Name: "crash-keep", Claim: Restarts, About: "a node is killed, and restarts with all that it knew",
		of: func(f Fault) bool { return f.Memory == cluster.Keep },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: CrashNode, Nodes: d.node(), Memory: cluster.Keep, For: d.ttls(0.05, 1.5)}}
		},
	}, {
		Name: "crash-lose", Claim: LostMemory, About: "a node is killed, and restarts empty",
		of: func(f Fault) bool { return f.Memory == cluster.Lose },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: CrashNode, Nodes: d.node(), Memory: cluster.Lose, For: d.ttls(0.02, 0.5)}}
		},
	}, {
		Name: "rolling-restart", Claim: Restarts, About: "all nodes restart one after the other, each with all that it knew, and two TTLs after the one before",
		of: func(Fault) bool { return false },
		// As an operator does it: a node that restarted doesn't vote for a TTL, so the next one waits until it does.
		draw: func(d Dice) []Fault {
			return d.rolling("rolling-restart", 2, func(node []int) Fault {
				return Fault{Kind: CrashNode, Nodes: node, Memory: cluster.Keep, For: d.ttls(0.02, 0.3)}
			})
		},
	}},
}
