package chaos

import (
	"context"
	"errors"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// electorate is which nodes are in the clients' lists, and which aren't.
type electorate struct{ voters, spares []int }

// newElectorate is how a plan begins.
func newElectorate(p Plan) electorate {
	var e electorate
	for i := range p.all() {
		if i < p.Nodes {
			e.voters = append(e.voters, i)
		} else {
			e.spares = append(e.spares, i)
		}
	}
	return e
}

// without gives a node's place to a spare one. It's not ok where the node has none.
func (e electorate) without(node int) (next electorate, ok bool) {
	place := slices.Index(e.voters, node)
	if place < 0 || len(e.spares) == 0 {
		return e, false
	}
	next.voters = slices.Clone(e.voters)
	next.voters[place] = e.spares[0]
	next.spares = append(slices.Clone(e.spares[1:]), node)
	return next, true
}

// restart asks a client to be started anew with another list of nodes, and with one that it joins unless that's nil.
type restart struct {
	list, joining []int
	done          chan error // has room for one
}

// replace carries out the replacement of a voter, and counts it. The caller holds voters. A replacement that isn't complete when ctx ends is left as
// it is: the nodes are about to go.
func (h *havoc) replace(ctx context.Context, f nemesis.Fault) {
	out := f.Nodes[0]
	next, ok := h.electorate.without(out)
	if !ok { // the one that made it a voter wasn't carried out
		h.count(f, func(c *history.FaultCount) { c.Skipped++ })
		return
	}
	var gone []int
	if f.Kind == nemesis.ReplaceDeadVoter {
		h.nodes[out].Lock()
		defer h.nodes[out].Unlock()
		h.silence(f, unending)
		defer func() { h.silence(f, h.lab.Now()) }()
		crash := nemesis.Fault{Kind: nemesis.CrashNode, Nodes: f.Nodes, Memory: cluster.Lose}
		undo, err := h.inject(context.WithoutCancel(ctx), crash)
		if err != nil {
			h.unseen(f, h.lab.Now(), err)
			return
		}
		gone = f.Nodes
		defer func() {
			if ctx.Err() == nil {
				h.heal(context.WithoutCancel(ctx), crash, undo)
			}
		}()
	}
	switch err := h.deploy(ctx, f, h.electorate.voters, next.voters, gone); {
	case err == nil:
		h.electorate = next
		h.count(f, func(c *history.FaultCount) { c.Proven++ })
	case ctx.Err() != nil && !errors.Is(err, worker.ErrWorker): // the run's end kept it from being seen
		h.count(f, func(c *history.FaultCount) { c.Excused++ })
	default:
		h.unseen(f, 0, err)
	}
}

// deploy starts the clients anew with another list of nodes: by way of both lists where their lock can count them, and otherwise as any
// program is that's told of other servers.
func (h *havoc) deploy(ctx context.Context, f nemesis.Fault, from, to, gone []int) error {
	operator := h.lab.Clients()[0]
	r := history.Replacement{From: from, To: to, Joint: operator.Joins(), Began: h.lab.Now()}
	update := h.lab.Replacing(r)
	if r.Joint {
		if err := h.roll(ctx, f, from, to); err != nil {
			return err
		}
		update(func(r *history.Replacement) { r.Joined = h.lab.Now() })
		if err := operator.Move(ctx, from, to, gone); err != nil {
			return err
		}
		update(func(r *history.Replacement) { r.Moved = h.lab.Now() })
	}
	if err := h.roll(ctx, f, to, nil); err != nil {
		return err
	}
	update(func(r *history.Replacement) { r.Ended = h.lab.Now() })
	return nil
}

// roll starts one client after the other anew. No other fault hits a client meanwhile, since its process changes.
func (h *havoc) roll(ctx context.Context, f nemesis.Fault, list, joining []int) error {
	for i, restarts := range h.restarts {
		if err := h.restart(ctx, i, restarts, list, joining); err != nil {
			return err
		}
		if err := h.lab.SleepUntil(ctx, h.lab.Now()+f.By); err != nil {
			return err
		}
	}
	return nil
}

func (h *havoc) restart(ctx context.Context, client int, restarts chan<- restart, list, joining []int) error {
	h.clients[client].Lock()
	defer h.clients[client].Unlock()
	r := restart{list, joining, make(chan error, 1)}
	select {
	case restarts <- r: // once it has given its lock back
		return <-r.done
	case <-ctx.Done():
		return ctx.Err()
	}
}
