package nemesis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// Applied is a fault that is in effect.
type Applied struct {
	Fault  Fault
	Proofs []cluster.Proof // of its effect, one or more
	undo   []func(context.Context) (cluster.Proof, error)
}

// Apply injects the fault now, whatever its At says, and returns when it's in effect. When
// it fails for one of several nodes, the others are healed again; the error matches
// [cluster.ErrUnsupported] or [cluster.ErrNotProven] where it comes from the nodes.
//
// Two faults of one kind that are in effect on the same node or link at the same time end
// with the first of them that is undone.
func (f Fault) Apply(ctx context.Context, c *cluster.Cluster, links *Links) (*Applied, error) {
	if err := f.Validate(c.Len(), links.Clients()); err != nil {
		return nil, err
	}
	applied := &Applied{Fault: f}
	for _, index := range f.Nodes {
		var err error
		if f.hitsLinks() {
			err = applied.hitLinks(ctx, links, c.Node(index))
		} else {
			err = applied.hitNode(ctx, c.Node(index))
		}
		if err != nil {
			_, undoErr := applied.Undo(context.WithoutCancel(ctx))
			return nil, errors.Join(fmt.Errorf("nemesis: %v: %w", f, err), undoErr)
		}
	}
	if len(applied.Proofs) == 0 { // a reset where nobody has a connection
		return nil, fmt.Errorf("nemesis: %v: %w: no connection was open", f, cluster.ErrNotProven)
	}
	return applied, nil
}

// Undo ends the fault, in the reverse order, and returns what was seen of that. A fault that
// can't be undone, or has been already, yields nothing.
func (a *Applied) Undo(ctx context.Context) ([]cluster.Proof, error) {
	var proofs []cluster.Proof
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

func (f Fault) hitsLinks() bool {
	switch f.Kind {
	case Partition, AsymmetricPartition, SlowNode, ResetLinks:
		return true
	}
	return false
}

func (a *Applied) hitNode(ctx context.Context, n cluster.Node) error {
	f := a.Fault
	var proof cluster.Proof
	var err error
	var undo func(context.Context) (cluster.Proof, error)
	switch f.Kind {
	case PauseNode:
		proof, err = n.Pause(ctx)
		undo = n.Resume
	case CrashNode:
		proof, err = n.Kill(ctx)
		undo = func(ctx context.Context) (cluster.Proof, error) { return n.Restart(ctx, f.Memory) }
	case FlushNode:
		proof, err = n.Flush(ctx)
	case Failover:
		proof, err = n.Replicate(ctx)
		undo = n.Failover
	case ClockJump:
		proof, err = n.JumpClock(ctx, f.By)
		undo = func(ctx context.Context) (cluster.Proof, error) { return n.JumpClock(ctx, -f.By) }
	case ClockRate:
		proof, err = n.SetClockRate(ctx, f.Rate)
		undo = func(ctx context.Context) (cluster.Proof, error) { return n.SetClockRate(ctx, 1) }
	}
	if undo != nil && (err == nil || errors.Is(err, cluster.ErrNotProven)) {
		// What wasn't seen may have happened all the same.
		a.undo = append(a.undo, undo)
	}
	if err == nil {
		a.Proofs = append(a.Proofs, proof)
	}
	return err
}

// silence is for how long a cut link is given the chance to answer nevertheless.
const silence = 50 * time.Millisecond

// patience is for how long a link that should work is waited for.
const patience = time.Second

func (a *Applied) hitLinks(ctx context.Context, all *Links, n cluster.Node) error {
	f := a.Fault
	var links []*Link
	clients := f.Clients
	if len(clients) == 0 {
		clients = upTo(all.Clients())
	}
	for _, client := range clients {
		links = append(links, all.Link(client, n.Index()))
	}
	if f.Kind == ResetLinks {
		if proof, broken := resetAll(n, clients, links); broken > 0 {
			a.Proofs = append(a.Proofs, proof)
		}
		return nil
	}
	proof := linkProof(n, clients, string(f.Kind))
	proof.Change = f.change(n, clients)
	before := probeAll(ctx, links, patience)
	for _, link := range links {
		f.hit(link)
	}
	a.undo = append(a.undo, func(ctx context.Context) (cluster.Proof, error) {
		return f.heal(ctx, n, clients, links)
	})
	within := silence
	if f.Kind == SlowNode {
		within = f.By + patience
	}
	after := probeAll(ctx, links, within)
	proof.Before, proof.After, proof.Seen = before.String(), after.String(), clockdrift.System().Now()
	if !f.seenIn(before, after) {
		return fmt.Errorf("%w: %v", cluster.ErrNotProven, proof)
	}
	a.Proofs = append(a.Proofs, proof)
	return ctx.Err()
}

func (f Fault) hit(l *Link) {
	switch f.Kind {
	case Partition:
		l.Cut()
	case AsymmetricPartition:
		l.Hold(f.Direction)
	case SlowNode:
		l.Delay(Requests, f.By, 0)
	}
}

// seenIn tells whether the probes show the fault. Links that didn't work before, since the node is
// down, say, show nothing.
func (f Fault) seenIn(before, after probes) bool {
	switch {
	case before.answered == 0:
		return false
	case f.Kind == SlowNode:
		return after.answered > 0 && after.fastest >= f.By
	}
	return after.answered == 0
}

func (f Fault) heal(ctx context.Context, n cluster.Node, clients []int, links []*Link) (cluster.Proof, error) {
	proof := linkProof(n, clients, "end of "+string(f.Kind))
	proof.Change = f.change(n, clients)
	proof.Change.Over = true
	proof.Before = string(f.Kind)
	for _, link := range links {
		switch f.Kind {
		case Partition:
			link.Pass(Requests)
			link.Pass(Replies)
		case AsymmetricPartition:
			link.Pass(f.Direction)
		case SlowNode:
			link.Delay(Requests, 0, 0)
		}
	}
	// The node may be down or stopped by another fault, so silence is no error here.
	proof.After, proof.Seen = probeAll(ctx, links, patience).String(), clockdrift.System().Now()
	return proof, nil
}

// change is what the fault does to links, for programs.
func (f Fault) change(n cluster.Node, clients []int) cluster.Change {
	c := cluster.Change{State: cluster.CutOff, Node: n.Name(), Clients: clients, Detail: string(f.Direction)}
	if f.Kind == SlowNode {
		c.State, c.Detail = cluster.Slow, "+"+f.By.String()
	}
	return c
}

// resetAll breaks the open connections, and returns how many there were.
func resetAll(n cluster.Node, clients []int, links []*Link) (cluster.Proof, int) {
	proof := linkProof(n, clients, string(ResetLinks))
	broken := 0
	for _, link := range links {
		broken += link.Reset()
	}
	proof.How = "connections of the proxies"
	proof.Before, proof.After = fmt.Sprintf("%d open", broken), fmt.Sprintf("%d reset", broken)
	proof.Seen = clockdrift.System().Now()
	return proof, broken
}

func linkProof(n cluster.Node, clients []int, fault string) cluster.Proof {
	return cluster.Proof{
		Target: fmt.Sprintf("links of client %s to %s", listed(clients, func(i int) string { return fmt.Sprint(i + 1) }), n.Name()),
		Fault:  fault,
		How:    "PING through the proxies",
		Began:  clockdrift.System().Now(),
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
