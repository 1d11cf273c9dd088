package chaos

import (
	"math/rand/v2"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// draw makes up faults for a plan.
type draw struct {
	random *rand.Rand
	plan   Plan
}

// kinds are what a plan is made of, with the order in which reports list them. It's finer than
// [nemesis.Kind] where the two sides of a fault try different things.
var kinds = []struct {
	name  string
	claim Claim
	draw  func(draw) nemesis.Fault
}{
	{"pause-node", Pauses, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.PauseNode, Nodes: d.node(), For: d.ttls(0.1, 2)}
	}},
	{"pause-client", Pauses, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: PauseClient, Nodes: []int{}, Clients: []int{d.random.IntN(d.plan.Clients)}, For: d.ttls(0.1, 2)}
	}},
	{"crash-keep", Restarts, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.CrashNode, Nodes: d.node(), Memory: cluster.Keep, For: d.ttls(0.05, 1.5)}
	}},
	{"crash-lose", LostMemory, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.CrashNode, Nodes: d.node(), Memory: cluster.Lose, For: d.ttls(0.02, 0.5)}
	}},
	{"flush", LostMemory, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.FlushNode, Nodes: d.node()}
	}},
	{"clock-forward", Clocks, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.ClockJump, Nodes: d.node(), By: d.ttls(0.5, 60), For: d.ttls(1.5, 2.5)}
	}},
	{"clock-backward", Clocks, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.ClockJump, Nodes: d.node(), By: -d.ttls(0.5, 60), For: d.ttls(0.2, 0.6)}
	}},
	{"clock-rate", Clocks, func(d draw) nemesis.Fault {
		rates := []float64{0.5, 0.9, 0.98, 1.02, 1.1, 1.5, 2, 4}
		return nemesis.Fault{Kind: nemesis.ClockRate, Nodes: d.node(), Rate: rates[d.random.IntN(len(rates))], For: d.ttls(1.5, 3)}
	}},
	{"clock-drift", Drift, func(d draw) nemesis.Fault {
		rates := []float64{0.994, 1.006}
		return nemesis.Fault{Kind: nemesis.ClockRate, Nodes: d.node(), Rate: rates[d.random.IntN(len(rates))], For: d.ttls(1.5, 3)}
	}},
	{"partition", Pauses, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.Partition, Nodes: d.nodes(), Clients: d.clients(), For: d.ttls(0.1, 2)}
	}},
	{"asymmetric-partition", Pauses, func(d draw) nemesis.Fault {
		direction := nemesis.Requests
		if d.random.IntN(2) == 0 {
			direction = nemesis.Replies
		}
		return nemesis.Fault{Kind: nemesis.AsymmetricPartition, Nodes: d.nodes(), Clients: d.clients(), Direction: direction, For: d.ttls(0.1, 2)}
	}},
	{"slow-node", Pauses, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.SlowNode, Nodes: d.node(), Clients: d.clients(), By: d.ttls(0.005, 0.15), For: d.ttls(0.2, 2)}
	}},
	{"reset", Pauses, func(d draw) nemesis.Fault {
		return nemesis.Fault{Kind: nemesis.ResetLinks, Nodes: d.nodes(), Clients: d.clients()}
	}},
}

// Kinds returns the names by which faults are selected and counted.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// KindOf is the name under which a fault counts.
func KindOf(f nemesis.Fault) string {
	switch {
	case f.Kind == nemesis.CrashNode:
		return "crash-" + string(f.Memory)
	case f.Kind == nemesis.ClockJump && f.By > 0:
		return "clock-forward"
	case f.Kind == nemesis.ClockJump:
		return "clock-backward"
	case drifts(f):
		return "clock-drift"
	}
	return string(f.Kind)
}

// ttls is a random span between so many TTLs, in whole milliseconds, as plans are read by people.
func (d draw) ttls(from, to float64) time.Duration {
	ttl := float64(d.plan.TTL.Duration())
	span := time.Duration(ttl * (from + (to-from)*d.random.Float64()))
	return max(span.Round(time.Millisecond), time.Millisecond)
}

func (d draw) node() []int { return []int{d.random.IntN(d.plan.Nodes)} }

// nodes is between one node and a majority.
func (d draw) nodes() []int { return d.some(d.plan.Nodes, d.plan.Nodes/2+1) }

// clients is all clients, which is written as none, or some.
func (d draw) clients() []int {
	if d.random.IntN(2) == 0 {
		return nil
	}
	return d.some(d.plan.Clients, d.plan.Clients)
}

// some is at least one and at most so many of n, in their order.
func (d draw) some(n, most int) []int {
	left := 1 + d.random.IntN(most)
	var chosen []int
	for i := range n {
		if d.random.IntN(n-i) < left-len(chosen) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}
