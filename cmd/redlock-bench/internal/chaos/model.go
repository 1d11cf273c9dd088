package chaos

import (
	"math"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
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

// hitsServer tells whether the fault is done to a node itself. One at a time can be proven on a node.
func hitsServer(f nemesis.Fault) bool { return f.Kind != PauseClient && !hitsLinks(f) }

func hitsLinks(f nemesis.Fault) bool {
	switch f.Kind {
	case nemesis.Partition, nemesis.AsymmetricPartition, nemesis.SlowNode, nemesis.ResetLinks:
		return true
	}
	return false
}

// damages tells whether the fault makes a node forget what it granted, or err about the time.
func damages(f nemesis.Fault) bool {
	switch f.Kind {
	case nemesis.FlushNode, nemesis.ClockJump:
		return true
	case nemesis.ClockRate:
		return !drifts(f)
	case nemesis.CrashNode:
		return f.Memory != cluster.Keep
	}
	return false
}

// mostDrift is by how much a clock may run at another rate than the host's and still count as right: any lock
// on clocks allows for that.
const mostDrift = 0.01

// drifts tells whether a clock runs at a rate that locks allow for.
func drifts(f nemesis.Fault) bool {
	return f.Kind == nemesis.ClockRate && math.Abs(f.Rate-1) < mostDrift
}

// damaged is when the fault's node may not be relied on.
func (p Plan) damaged(f nemesis.Fault) span { return span{f.At, f.At + f.For + p.recovery()} }

// withinModel tells whether the plan keeps to the safety model if f is added. It's stricter than
// it had to be: all damage that overlaps f's counts, even if not at one time.
func (p Plan) withinModel(f nemesis.Fault) bool {
	if f.For == 0 && f.Kind != nemesis.FlushNode && f.Kind != nemesis.ResetLinks {
		return false // it doesn't end
	}
	ttl := p.TTL.Duration()
	if f.Kind == nemesis.ClockJump && (f.By > 0 && f.For < ttl || f.By < 0 && f.For >= ttl) || f.Kind == nemesis.ClockRate && !drifts(f) && f.For < ttl {
		return false
	}
	if !damages(f) {
		return true
	}
	hit := slices.Clone(f.Nodes)
	for _, g := range p.Faults {
		if damages(g) && p.damaged(g).overlaps(p.damaged(f)) {
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
		sameNode := intersect(f.Nodes, g.Nodes, p.Nodes)
		sameClient := intersect(f.Clients, g.Clients, p.Clients)
		switch {
		case f.Kind == PauseClient && g.Kind == PauseClient && sameClient,
			hitsServer(f) && hitsServer(g) && sameNode,
			hitsLinks(f) && hitsLinks(g) && sameNode && sameClient:
			return false
		case hitsLinks(f) && silences(g) && sameNode && f.At >= g.At, hitsLinks(g) && silences(f) && sameNode && g.At >= f.At:
			return false // a node that doesn't answer can't show what its links do
		}
	}
	return true
}

// silences tells whether the fault keeps a node from answering at all.
func silences(f nemesis.Fault) bool {
	return f.Kind == nemesis.PauseNode || f.Kind == nemesis.CrashNode
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
