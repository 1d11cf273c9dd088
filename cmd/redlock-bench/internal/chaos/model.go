package chaos

import (
	"cmp"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// settling, in TTLs, is how much longer than a TTL a node counts as damaged. It covers what the
// machine adds to every time of a plan.
const settling = 0.5

// recovery is how long a node stays damaged after the end of what damaged it.
func (p Plan) recovery() time.Duration {
	return time.Duration((1 + settling) * float64(p.TTL.Duration()))
}

// minority is how many nodes may be damaged at a time.
func (p Plan) minority() int { return (p.Nodes - 1) / 2 }

// span is a piece of a plan's time; both ends belong to it.
type span struct{ from, until time.Duration }

func (s span) overlaps(o span) bool { return s.from <= o.until && o.from <= s.until }

// damaged is when the fault's node may not be relied on.
func (p Plan) damaged(f nemesis.Fault) span { return span{f.At, f.At + f.For + p.recovery()} }

// withinModel tells whether the plan keeps to the safety model if f is added. It's stricter than
// it had to be: all damage that overlaps f's counts, even if not at one time.
func (p Plan) withinModel(f nemesis.Fault) bool {
	t, _ := f.Type()
	if f.For == 0 && !t.Momentary {
		return false // it doesn't end
	}
	if t.Within != nil && !t.Within(f, p.TTL.Duration()) {
		return false
	}
	if !f.Damages() {
		return true
	}
	hit := slices.Clone(f.Nodes)
	for _, g := range p.Faults {
		if g.Damages() && p.damaged(g).overlaps(p.damaged(f)) {
			hit = append(hit, g.Nodes...)
		}
	}
	slices.Sort(hit)
	return len(slices.Compact(hit)) <= p.minority()
}

// margin, in TTLs, is left between two faults of which the one would hide or undo the other: what
// proves a fault takes some time.
const margin = 0.5

// compatible tells whether f can be told from all faults of the plan, and undone on its own.
func (p Plan) compatible(f nemesis.Fault) bool {
	slack := time.Duration(margin * float64(p.TTL.Duration()))
	own := span{f.At, f.At + f.For + slack}
	for _, g := range p.Faults {
		other := span{g.At, g.At + g.For + slack}
		if !own.overlaps(other) {
			continue
		}
		sameNode := intersect(f.Nodes, g.Nodes, p.all())
		sameClient := intersect(f.Clients, g.Clients, p.Clients)
		both := func(s nemesis.Scope) bool { return f.Hits(s) && g.Hits(s) }
		switch {
		case both(nemesis.OnClients) && sameClient, both(nemesis.OnVoters), ofNode(f) && ofNode(g) && sameNode, both(nemesis.OnLinks) && sameNode && sameClient:
			return false
		case sameNode && (hides(g, f) || hides(f, g)):
			return false
		}
	}
	return true
}

// ofNode tells whether a fault is done to a node itself, so that no other can be at the same time.
func ofNode(f nemesis.Fault) bool {
	return f.Hits(nemesis.OnNodes) || f.Kind == nemesis.ReplaceDeadVoter
}

// replaceable tells whether each node that the plan has replaced is in the clients' lists then, if f is added, and whether there's time for it.
func (p Plan) replaceable(f nemesis.Fault) bool {
	if !f.Hits(nemesis.OnVoters) {
		return true
	}
	if f.At+f.For >= p.Duration.Duration()-p.TTL.Duration() {
		return false
	}
	e := newElectorate(p)
	faults := append(slices.Clone(p.Faults), f)
	slices.SortStableFunc(faults, func(a, b nemesis.Fault) int { return cmp.Compare(a.At, b.At) })
	for _, g := range faults {
		if !g.Hits(nemesis.OnVoters) {
			continue
		}
		next, ok := e.without(g.Nodes[0])
		if !ok {
			return false
		}
		e = next
	}
	return true
}

// hides tells whether a fault of nodes keeps them from showing what their links do: it must not be there
// when the fault of the links begins.
func hides(f, ofLinks nemesis.Fault) bool {
	return ofNode(f) && f.Silences() && ofLinks.Hits(nemesis.OnLinks) && ofLinks.At >= f.At
}

// intersect tells whether two lists of indexes share one; of clients, an empty list is all of them.
func intersect(a, b []int, of int) bool {
	for i := range of {
		if (len(a) == 0 || slices.Contains(a, i)) && (len(b) == 0 || slices.Contains(b, i)) {
			return true
		}
	}
	return false
}
