package check

import (
	"cmp"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// Service says for how long fewer than a majority of a lock's nodes were in service, whatever the lock did.
type Service struct {
	// Out is for how long a majority was missing because nodes were down, stopped or cut off from all clients.
	Out time.Duration
	// New is for how long, besides, a majority was missing of nodes that had been back for a TTL. A node that
	// began anew may have forgotten locks for so long, and a lock with a restart guard doesn't let it vote.
	New time.Duration
}

// OutOfService looks at the faults that were seen. It counts less than there was: a node is out only while that's
// certain, see [Minorities].
func OutOfService(h *history.History) Service {
	used := h.Uses
	if used == nil {
		used = upTo(h.Nodes)
	}
	const out, isNew = 0, 1
	type edge struct {
		at         time.Duration
		node, what int
		step       int
	}
	var edges []edge
	add := func(node, what int, from, until time.Duration) {
		from, until = max(from, h.Start), min(until, h.End)
		if from < until {
			edges = append(edges, edge{from, node, what, +1}, edge{until, node, what, -1})
		}
	}
	place := func(node string) int {
		return slices.IndexFunc(used, func(i int) bool { return cluster.NodeName(i) == node })
	}
	for _, x := range outages(h) {
		everybody := x.State != cluster.CutOff || len(x.Clients) == len(h.Clients)
		if node := place(x.Node); node >= 0 && everybody {
			add(node, out, x.from, x.until)
		}
	}
	for _, p := range h.Faults {
		if node := place(p.Change.Node); p.Change.Anew && node >= 0 {
			add(node, isNew, p.Seen, p.Seen+h.TTL)
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	var s Service
	depth := make([][2]int, len(used))
	missing := func(counts func([2]int) bool) bool {
		n := 0
		for _, d := range depth {
			if counts(d) {
				n++
			}
		}
		return len(used)-n <= len(used)/2
	}
	for i, e := range edges {
		if i > 0 {
			span := e.at - edges[i-1].at
			switch {
			case missing(func(d [2]int) bool { return d[out] > 0 }):
				s.Out += span
			case missing(func(d [2]int) bool { return d[out] > 0 || d[isNew] > 0 }):
				s.New += span
			}
		}
		depth[e.node][e.what] += e.step
	}
	return s
}
