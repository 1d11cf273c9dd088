package nemesis

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

const (
	// silence is for how long a cut link is given the chance to answer nevertheless.
	silence = 50 * time.Millisecond
	// patience is for how long a link that should work is waited for.
	patience = time.Second
)

// linkFault is a fault of links, and how it shows.
type linkFault struct {
	hit func(Fault, *Link)
	// heal ends it, and returns to how many commands something was done, if it was done to commands.
	heal func(Fault, *Link) int64
	// within is for how long a probe is waited for.
	within func(Fault) time.Duration
	// seen tells whether the probes after the fault show it. There were answers before it.
	seen func(f Fault, after probes) bool
	// shown, if not nil, is what shows the fault instead of probes that may be answered.
	shown func(context.Context, Fault, []*Link) (string, bool)
	// change is what it does to links, for programs.
	change func(Fault) effect.Change
	// atOnce, if not nil, is all there is to a fault of a moment; false means that it had no effect.
	atOnce func(cluster.Node, []int, []*Link) (effect.Proof, bool)
}

// hitLinks injects a fault of the links to one node.
func (a *Applied) hitLinks(ctx context.Context, t Type, all *Links, n cluster.Node) error {
	f := a.Fault
	clients := f.Clients
	if len(clients) == 0 {
		clients = upTo(all.Clients())
	}
	var links []*Link
	for _, client := range clients {
		links = append(links, all.Link(client, n.Index()))
	}
	if t.link.atOnce != nil {
		if proof, did := t.link.atOnce(n, clients, links); did {
			a.Proofs = append(a.Proofs, proof)
		}
		return nil
	}
	proof := linkProof(n, clients, string(f.Kind))
	proof.Change = t.link.changeOf(f, n, clients)
	before := probeAll(ctx, links, patience)
	for _, link := range links {
		t.link.hit(f, link)
	}
	a.undo = append(a.undo, func(ctx context.Context) (effect.Proof, error) {
		return f.heal(ctx, t, n, clients, links)
	})
	after, seen := f.look(ctx, t, links, before)
	proof.Before, proof.After, proof.Seen = before.String(), after, clockdrift.System().Now()
	if !seen {
		return fmt.Errorf("%w: %v", cluster.ErrNotProven, proof)
	}
	a.Proofs = append(a.Proofs, proof)
	return ctx.Err()
}

// look looks for the effect of the fault on links that were probed before it.
func (f Fault) look(ctx context.Context, t Type, links []*Link, before probes) (after string, seen bool) {
	if t.link.shown != nil {
		after, seen = t.link.shown(ctx, f, links)
		return after, seen && before.answered > 0
	}
	probed := probeAll(ctx, links, t.link.within(f))
	return probed.String(), f.seenIn(before, probed)
}

// seenIn tells whether the probes show the fault. Links that didn't work before, since the node is
// down, say, show nothing.
func (f Fault) seenIn(before, after probes) bool {
	if before.answered == 0 {
		return false
	}
	t, _ := f.Type()
	return t.link.seen(f, after)
}

func (f Fault) heal(ctx context.Context, t Type, n cluster.Node, clients []int, links []*Link) (effect.Proof, error) {
	proof := linkProof(n, clients, "end of "+string(f.Kind))
	proof.Change = t.link.changeOf(f, n, clients)
	proof.Change.Over = true
	proof.Before = string(f.Kind)
	commands := int64(0)
	for _, link := range links {
		commands += t.link.heal(f, link)
	}
	if t.link.shown != nil {
		proof.Before = fmt.Sprintf("%s of %d commands", f.Kind, commands)
	}
	// The node may be down or stopped by another fault, so silence is no error here.
	proof.After, proof.Seen = probeAll(ctx, links, patience).String(), clockdrift.System().Now()
	return proof, nil
}

func (l *linkFault) changeOf(f Fault, n cluster.Node, clients []int) effect.Change {
	c := l.change(f)
	c.Node, c.Clients = n.Name(), clients
	return c
}

func linkProof(n cluster.Node, clients []int, fault string) effect.Proof {
	return effect.Proof{
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
