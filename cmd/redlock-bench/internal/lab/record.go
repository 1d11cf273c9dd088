package lab

import (
	"context"
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// History returns a copy of the record so far.
func (l *Lab) History() *history.History {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.record
	h.Operations, h.Others = slices.Clone(h.Operations), slices.Clone(h.Others)
	h.Faults = slices.Clone(h.Faults)
	h.Restarts, h.Replacements = slices.Clone(h.Restarts), slices.Clone(h.Replacements)
	h.Demands = slices.Clone(h.Demands)
	h.Ghosts = slices.Clone(h.Ghosts)
	h.Notes = slices.Clone(h.Notes)
	h.Writes = l.resource.Writes()
	h.Keys = l.watch.seen()
	h.End = l.Now()
	return &h
}

// Note adds a sentence to the evidence.
func (l *Lab) Note(format string, args ...any) {
	l.note(history.Note{At: l.Now(), What: fmt.Sprintf(format, args...)})
}

func (l *Lab) note(n history.Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.Notes = append(l.record.Notes, n)
}

// Witness records faults that were seen to take effect.
func (l *Lab) Witness(proofs ...effect.Proof) {
	for _, p := range proofs {
		l.mu.Lock()
		l.record.Faults = append(l.record.Faults, p)
		l.mu.Unlock()
		l.note(history.Note{At: p.Seen, What: p.String(), Fault: true})
	}
}

// Demand records whether the lock gave what it had no reason to refuse.
func (l *Lab) Demand(met bool, format string, args ...any) {
	d := history.Demand{At: l.Now(), What: fmt.Sprintf(format, args...), Met: met}
	l.mu.Lock()
	l.record.Demands = append(l.record.Demands, d)
	l.mu.Unlock()
	outcome := "granted"
	if !met {
		outcome = "refused"
	}
	l.note(history.Note{At: d.At, What: fmt.Sprintf("demanded: %s: %s", d.What, outcome)})
}

// CountGhosts looks on all nodes that the subject uses for a lock that no client wants any more, and
// records and returns how many of them hold it.
func (l *Lab) CountGhosts(ctx context.Context) (int, error) {
	var ghosts []history.Ghost
	for _, i := range l.Used() {
		value, found, err := l.Node(i).Value(ctx, LockName)
		if err != nil {
			return 0, err
		}
		if found {
			ghosts = append(ghosts, history.Ghost{At: l.Now(), Node: l.Node(i).Name(), Value: value})
		}
	}
	l.mu.Lock()
	l.record.Ghosts = append(l.record.Ghosts, ghosts...)
	l.mu.Unlock()
	return len(ghosts), nil
}

// Inject applies a fault and records the proofs of its effect. What it returns can undo it.
func (l *Lab) Inject(ctx context.Context, f nemesis.Fault) (*nemesis.Applied, error) {
	applied, err := f.Apply(ctx, l.world())
	if err != nil {
		return nil, err
	}
	l.Witness(applied.Proofs...)
	return applied, nil
}

// world is what faults are done to.
func (l *Lab) world() nemesis.World {
	w := nemesis.World{Cluster: l.cluster, Links: l.links}
	for _, c := range l.clients {
		w.Clients = append(w.Clients, c)
	}
	return w
}

// Undo ends a fault and records what was seen of that. An end that wasn't seen may have come all the same:
// it's recorded, too, or the fault would count as going on.
func (l *Lab) Undo(ctx context.Context, applied *nemesis.Applied) error {
	began := l.Now()
	proofs, err := applied.Undo(ctx)
	l.Witness(proofs...)
	if err != nil {
		for _, p := range applied.Proofs {
			if p.Change.State != "" {
				p.Fault, p.Before, p.After = "end of "+p.Fault, p.After, "not seen"
				p.Began, p.Seen, p.Change.Over = began, l.Now(), true
				l.Witness(p)
			}
		}
	}
	return err
}

// begun records an operation that was sent and returns its place in the record.
func (l *Lab) begun(client string, lease int64, call *worker.Call) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := history.Operation{
		Client: client, Op: call.Request.Op, Lease: lease, Sent: call.Request.Now, Invoked: call.Request.Now,
		Looked: call.Request.Op == protocol.Check || call.Request.Recheck,
	}
	list := l.operations(call.Request.Name)
	if list != &l.record.Operations {
		o.Name = call.Request.Name
	}
	*list = append(*list, o)
	return len(*list) - 1
}

// operations is where those on a lock are recorded. The caller holds mu.
func (l *Lab) operations(name string) *[]history.Operation {
	if name == LockName {
		return &l.record.Operations
	}
	return &l.record.Others
}

// ended completes the record of an operation.
func (l *Lab) ended(place int, call *worker.Call, reply protocol.Reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := &(*l.operations(call.Request.Name))[place]
	o.Received, o.Invoked, o.Returned = call.Received(), reply.Invoked, reply.Returned
	o.OK, o.Token, o.Fence, o.ValidUntil, o.Error = reply.OK, reply.Token, reply.Fence, reply.ValidUntil, reply.Error
	o.LostAt, o.Counters = reply.LostAt, reply.Counters
}

// Settle asks the clients whose locks renew themselves for the end of their belief, which they
// couldn't know before. It asks only those that can answer.
func (l *Lab) Settle(ctx context.Context) error {
	for _, c := range l.clients {
		if c.Renews() && !c.stopped && c.validUntil > 0 {
			if _, err := c.Check(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
