package nemesis

import (
	"context"
	"errors"
	"fmt"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// World is everything that faults are done to.
type World struct {
	Cluster *cluster.Cluster
	Links   *Links
	Clients []Process // none where there's nothing but the network
}

// Process is a client's process.
type Process interface {
	// Stop stops it as SIGSTOP does, and Continue lets it go on.
	Stop(context.Context) (effect.Proof, error)
	Continue(context.Context) (effect.Proof, error)
	// SetClockRate lets the client's machine count time rate times as fast as the host from now on.
	SetClockRate(ctx context.Context, rate float64) (effect.Proof, error)
}

// Applied is a fault that is in effect.
type Applied struct {
	Fault  Fault
	Proofs []effect.Proof // of its effect, one or more
	undo   []undo
}

// Apply injects the fault now, whatever its At says, and returns when it's in effect. When
// it fails for one of several nodes, the others are healed again; the error matches
// [cluster.ErrUnsupported] or [cluster.ErrNotProven] where it comes from the nodes.
//
// Two faults of one kind that are in effect on the same node or link at the same time end
// with the first of them that is undone.
func (f Fault) Apply(ctx context.Context, w World) (*Applied, error) {
	if err := f.Validate(w.Cluster.Len(), w.Links.Clients()); err != nil {
		return nil, err
	}
	if f.Hits(OnVoters) {
		return nil, fmt.Errorf("nemesis: %v: %w: only chaos starts clients anew", f, cluster.ErrUnsupported)
	}
	applied := &Applied{Fault: f}
	if err := applied.inject(ctx, w); err != nil {
		_, undoErr := applied.Undo(context.WithoutCancel(ctx))
		return nil, errors.Join(fmt.Errorf("nemesis: %v: %w", f, err), undoErr)
	}
	if len(applied.Proofs) == 0 { // a reset where nobody has a connection
		return nil, fmt.Errorf("nemesis: %v: %w: no connection was open", f, cluster.ErrNotProven)
	}
	return applied, nil
}

func (a *Applied) inject(ctx context.Context, w World) error {
	t, _ := a.Fault.Type()
	if t.Scope == OnClients {
		return a.took(t.client(ctx, a.Fault, w.Clients[a.Fault.Clients[0]]))
	}
	for _, index := range a.Fault.Nodes {
		var err error
		if n := w.Cluster.Node(index); t.Scope == OnLinks {
			err = a.hitLinks(ctx, t, w.Links, n)
		} else {
			err = a.took(t.node(ctx, a.Fault, n))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// took notes what came of the injection into one node or client.
func (a *Applied) took(proof effect.Proof, end undo, err error) error {
	if end != nil && (err == nil || errors.Is(err, cluster.ErrNotProven)) {
		// What wasn't seen may have happened all the same.
		a.undo = append(a.undo, end)
	}
	if err == nil {
		a.Proofs = append(a.Proofs, proof)
	}
	return err
}

// Undo ends the fault, in the reverse order, and returns what was seen of that. A fault that
// can't be undone, or has been already, yields nothing.
func (a *Applied) Undo(ctx context.Context) ([]effect.Proof, error) {
	var proofs []effect.Proof
	var errs []error
	for i := len(a.undo) - 1; i >= 0; i-- {
		proof, err := a.undo[i](ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("nemesis: undo %v: %w", a.Fault, err))
			continue
		}
		proofs = append(proofs, proof)
	}
	a.undo = nil
	return proofs, errors.Join(errs...)
}
