package nemesis

import (
	"context"
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Shut has a node run out of what Lack says, so that clients lose their connections and get no new ones.
const Shut Kind = "shut"

var shut = Type{
	Kind: Shut, Scope: OnNodes, Backend: cluster.Redis, Silences: true,
	check: func(f Fault) error {
		if !slices.Contains(cluster.Lacks(), f.Lack) {
			return fmt.Errorf("nemesis: fault %s: lack %q: give one of %q", f.Kind, f.Lack, cluster.Lacks())
		}
		return nil
	},
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.Shut(ctx, f.Lack)
		return proof, n.Reopen, err
	},
	Variants: []Variant{{
		Name: "max-clients", Claim: Pauses, About: "a node has no connections left (maxclients) and refuses new ones",
		of: func(f Fault) bool { return f.Lack == cluster.Connections },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: Shut, Nodes: d.node(), Lack: cluster.Connections, For: d.ttls(0.1, 2)}}
		},
	}, {
		Name: "file-limit", Claim: Pauses, About: "a node may open no more files (RLIMIT_NOFILE), and new connections hear nothing",
		of: func(f Fault) bool { return f.Lack == cluster.Files },
		draw: func(d Dice) []Fault {
			// Not for long: a server that can't take a connection tries again at once, and logs that.
			return []Fault{{Kind: Shut, Nodes: d.node(), Lack: cluster.Files, For: d.ttls(0.1, 0.8)}}
		},
	}},
}
