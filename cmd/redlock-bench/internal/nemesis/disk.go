package nemesis

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// BrokenDisk has a node's disk be as Disk says, while each write is to be on it before the reply (appendfsync always).
// Where it lies, it's undone by a loss of power. Where it's full, the server ends at once, and it's undone by a
// restart. By is how long a disk stalls.
const BrokenDisk Kind = "broken-disk"

var brokenDisk = Type{
	Kind: BrokenDisk, Scope: OnNodes, Backend: cluster.Redis,
	Damages: func(f Fault) bool { return f.Disk == cluster.Lying },
	// A disk that stalls silences, too: no link shows that it's slow where the node is.
	Silences: true,
	check: func(f Fault) error {
		switch {
		case !slices.Contains(cluster.DiskStates(), f.Disk):
			return fmt.Errorf("nemesis: fault %s: disk %q: give one of %q", f.Kind, f.Disk, cluster.DiskStates())
		case f.Disk == cluster.Stalling && (f.By <= 0 || f.By > cluster.MostStall):
			return fmt.Errorf("nemesis: fault %s by %v: give a duration above 0, and of at most %v", f.Kind, f.By, cluster.MostStall)
		}
		return nil
	},
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.BreakDisk(ctx, f.Disk, f.By)
		return proof, n.MendDisk, err
	},
	Variants: []Variant{{
		Name: "full-disk", Claim: Restarts, About: "a node with appendfsync always ends, since its disk is full, and restarts with all that it had acknowledged",
		of: func(f Fault) bool { return f.Disk == cluster.Full },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: BrokenDisk, Nodes: d.node(), Disk: cluster.Full, For: d.ttls(0.05, 1.5)}}
		},
	}, {
		Name: "stalling-disk", Claim: Pauses, About: "a node with appendfsync always waits for its disk at each write",
		of: func(f Fault) bool { return f.Disk == cluster.Stalling },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: BrokenDisk, Nodes: d.node(), Disk: cluster.Stalling, By: min(d.ttls(0.02, 0.4), 500*time.Millisecond), For: d.ttls(0.2, 2)}}
		},
	}, {
		Name: "lying-disk", Claim: LostMemory, About: "a node with appendfsync always loses its power, and what its disk had only said that it has",
		of: func(f Fault) bool { return f.Disk == cluster.Lying },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: BrokenDisk, Nodes: d.node(), Disk: cluster.Lying, For: d.ttls(0.1, 0.8)}}
		},
	}},
}
