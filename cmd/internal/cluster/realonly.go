package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// Nodes in this process have no memory, connections or disk of their own that could run out.

func (n *embeddedNode) onlyReal(what string) (effect.Proof, error) {
	return effect.Proof{}, fmt.Errorf("%w: node %s lives in the harness, so %s; use real servers (--backend redis)", ErrUnsupported, n.Name(), what)
}

// Evict implements [Node].
func (n *embeddedNode) Evict(context.Context, string) (effect.Proof, error) {
	return n.onlyReal("its memory can't run out")
}

// Shut implements [Node].
func (n *embeddedNode) Shut(context.Context, Lack) (effect.Proof, error) {
	return n.onlyReal("it can't run out of connections")
}

// Reopen implements [Node].
func (n *embeddedNode) Reopen(context.Context) (effect.Proof, error) {
	return n.onlyReal("it can't run out of connections")
}

// BreakDisk implements [Node].
func (n *embeddedNode) BreakDisk(context.Context, DiskState, time.Duration) (effect.Proof, error) {
	return n.onlyReal("it has no disk")
}

// MendDisk implements [Node].
func (n *embeddedNode) MendDisk(context.Context) (effect.Proof, error) {
	return n.onlyReal("it has no disk")
}
