package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// healTimeout bounds the end of one fault: the start of a server above all.
const healTimeout = 30 * time.Second

// havoc carries out a plan in a lab.
type havoc struct {
	lab    *lab.Lab
	plan   Plan
	ledger *ledger
	// targets has a lock for each node and each client, so that faults which are late don't meet.
	nodes, clients []sync.Mutex
	voters         sync.Mutex // of the one replacement at a time, guards electorate
	electorate     electorate
	restarts       []chan restart // by client
	lasted         time.Duration  // set when all is over

	mu sync.Mutex // guards the rest
	// silent is when each node, and each client, could last not answer because of a fault; unending
	// while that goes on.
	silentNodes, silentClients []time.Duration
	counts                     map[string]*history.FaultCount
	outside                    []string // what really happened, but isn't in the safety model
	broken                     []error  // faults that couldn't be undone
}

func newHavoc(l *lab.Lab, p Plan) *havoc {
	h := &havoc{
		lab: l, plan: p, ledger: newLedger(clockdrift.System(), p.all(), p.minority()), electorate: newElectorate(p),
		nodes: make([]sync.Mutex, p.all()), clients: make([]sync.Mutex, p.Clients),
		silentNodes: make([]time.Duration, p.all()), silentClients: make([]time.Duration, p.Clients),
		counts: make(map[string]*history.FaultCount),
	}
	for range p.Clients {
		h.restarts = append(h.restarts, make(chan restart))
	}
	for _, name := range Kinds() {
		h.counts[name] = &history.FaultCount{Kind: name}
	}
	for _, f := range p.Outside() {
		h.outside = append(h.outside, "planned: "+f.String())
	}
	return h
}

// wreak injects each fault at its time, counted from start, and returns when they are undone. Once
// ctx has ended that's at once, but for nodes that were damaged, which stay so.
func (h *havoc) wreak(ctx context.Context, start time.Duration) {
	var faults sync.WaitGroup
	for _, f := range h.plan.Faults {
		if h.lab.SleepUntil(ctx, start+f.At) != nil {
			break
		}
		faults.Go(func() { h.perform(ctx, f) })
	}
	faults.Wait()
}

// perform injects one fault, waits, and undoes it.
func (h *havoc) perform(ctx context.Context, f nemesis.Fault) {
	lock := h.target(f)
	lock.Lock()
	defer lock.Unlock()
	if ctx.Err() != nil {
		return
	}
	h.count(f, func(c *history.FaultCount) { c.Planned++ })
	if f.Damages() {
		if !h.ledger.damage(f.Nodes[0]) {
			h.count(f, func(c *history.FaultCount) { c.Skipped++ })
			return
		}
		defer func() { h.ledger.recover(f.Nodes[0], h.plan.recovery()) }()
	}
	// Not on ctx: a fault that is being injected when the run ends would be neither here nor there.
	working := context.WithoutCancel(ctx)
	began := h.lab.Now()
	if f.Hits(nemesis.OnVoters) {
		h.replace(ctx, f)
		return
	}
	h.silence(f, unending)
	undo, err := h.inject(working, f)
	defer func() { h.silence(f, h.lab.Now()) }()
	if err != nil {
		h.unseen(f, began, err)
		return
	}
	h.count(f, func(c *history.FaultCount) { c.Proven++ })
	if t, _ := f.Type(); h.lab.SleepUntil(ctx, h.lab.Now()+f.For) != nil && (f.Damages() || t.Slow) {
		return // a clock that came back sooner would leave the model, and the nodes are about to go
	}
	h.heal(working, f, undo)
	if lasted := h.lab.Now() - began; f.Kind == nemesis.ClockJump && f.By < 0 && lasted >= h.plan.TTL.Duration() {
		h.note(&h.outside, fmt.Sprintf("%v lasted %v, longer than a TTL, on a machine that is too slow", f, lasted.Round(time.Millisecond)))
	}
}

// silence notes until when a fault keeps its nodes or its client from answering.
func (h *havoc) silence(f nemesis.Fault, until time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !f.Silences():
	case f.Hits(nemesis.OnClients):
		h.silentClients[f.Clients[0]] = until
	default:
		h.silentNodes[f.Nodes[0]] = until
	}
}

// unseen counts a fault that wasn't seen to take effect, and excuses it where nothing was there to be
// seen: the links of a node that was silent at some time since the fault began, and the connections
// of a client that was, or to nodes that the lock doesn't live on; and the clock of a client whose program has none
// that can be bent.
func (h *havoc) unseen(f nemesis.Fault, began time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.counts[KindOf(f)]
	if errors.Is(err, cluster.ErrNotProven) && h.hidden(f, began) || errors.Is(err, lab.ErrNotApplicable) {
		c.Excused++
		return
	}
	c.Failed++
	if c.Why == "" {
		c.Why = err.Error()
	}
}

// hidden tells whether the fault's effect couldn't be seen. The caller holds mu.
func (h *havoc) hidden(f nemesis.Fault, began time.Duration) bool {
	if f.Kind == nemesis.ResetLinks {
		used := func(node int) bool { return slices.Contains(h.lab.Used(), node) }
		if !slices.ContainsFunc(f.Nodes, used) || anySilent(h.silentClients, f.Clients, began) {
			return true
		}
	}
	return f.Hits(nemesis.OnLinks) && anySilent(h.silentNodes, f.Nodes, began)
}

// anySilent tells whether one of these was silent since the given instant; an empty list is all.
func anySilent(silent []time.Duration, which []int, since time.Duration) bool {
	for i, until := range silent {
		if until >= since && (len(which) == 0 || slices.Contains(which, i)) {
			return true
		}
	}
	return false
}

// target is the lock of whom the fault hits. Links are hit in many ways at once, which the plan
// has made sure of; a fault of them has a lock of its own.
func (h *havoc) target(f nemesis.Fault) sync.Locker {
	switch {
	case f.Hits(nemesis.OnVoters):
		return &h.voters
	case f.Hits(nemesis.OnClients):
		return &h.clients[f.Clients[0]]
	case f.Hits(nemesis.OnNodes):
		return &h.nodes[f.Nodes[0]]
	}
	return new(sync.Mutex)
}

// inject applies a fault and returns what undoes it.
func (h *havoc) inject(ctx context.Context, f nemesis.Fault) (undo func(context.Context) error, err error) {
	applied, err := h.lab.Inject(ctx, f)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return h.lab.Undo(ctx, applied) }, nil
}

func (h *havoc) heal(ctx context.Context, f nemesis.Fault, undo func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	// An effect whose end wasn't seen says nothing about the lock.
	if err := undo(ctx); err != nil && !errors.Is(err, cluster.ErrNotProven) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.broken = append(h.broken, fmt.Errorf("chaos: end of %v: %w", f, err))
	}
}

// failure is why a run is incomplete: since it failed, or a fault couldn't be undone.
func (h *havoc) failure(failed error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(append(slices.Clone(h.broken), failed)...)
}

func (h *havoc) count(f nemesis.Fault, add func(*history.FaultCount)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	add(h.counts[KindOf(f)])
}

// due counts the faults whose time has come.
func (h *havoc) due() int { return history.Chaos{Faults: h.tally()}.Due() }

func (h *havoc) note(list *[]string, what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*list = append(*list, what)
}

// tally returns the counts in the order of [Kinds], of the kinds that were planned.
func (h *havoc) tally() []history.FaultCount {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []history.FaultCount
	for _, name := range Kinds() {
		if c := h.counts[name]; c.Planned > 0 {
			all = append(all, *c)
		}
	}
	return all
}
