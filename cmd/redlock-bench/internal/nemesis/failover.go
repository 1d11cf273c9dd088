package nemesis

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// Failover gives a node a replica that misses all further writes; it's undone by the replica taking over.
const Failover Kind = "failover"

var failover = Type{
	Kind: Failover, Scope: OnNodes, Damages: always,
	node: func(ctx context.Context, _ Fault, n cluster.Node) (cluster.Proof, undo, error) {
		proof, err := n.Replicate(ctx)
		return proof, n.Failover, err
	},
}
