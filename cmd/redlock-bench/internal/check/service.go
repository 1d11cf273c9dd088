package check

import (
	"cmp"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
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
// certain, see [Minorities]; and where clients have different lists of nodes, a majority of one of them is enough.
func OutOfService(h *history.History) Service {
	const out, isNew = 0, 1
	type edge struct {
		at         time.Duration
		node, what int // no node: a client has another list
		step       int
	}
	var edges []edge
	add := func(node, what int, from, until time.Duration) {
		from, until = max(from, h.Start), min(until, h.End)
		if from < until {
			edges = append(edges, edge{from, node, what, +1}, edge{until, node, what, -1})
		}
	}
	for _, x := range outages(h) {
		everybody := x.State != effect.CutOff || len(x.Clients) == len(h.Clients)
		if node := nodeNamed(h, x.Node); node >= 0 && everybody {
			add(node, out, x.from, x.until)
		}
	}
	for _, p := range h.Faults {
		if node := nodeNamed(h, p.Change.Node); p.Change.Anew && node >= 0 {
			add(node, isNew, p.Seen, p.Seen+h.TTL)
		}
	}
	for _, r := range h.Restarts {
		if r.Began > 0 {
			edges = append(edges, edge{at: r.Began, node: -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	var s Service
	depth := make([][2]int, h.Nodes)
	lists := listsAt(h, h.Start)
	missing := func(counts func([2]int) bool) bool {
		lacks := func(list []int) bool {
			n := 0
			for _, node := range list {
				if counts(depth[node]) {
					n++
				}
			}
			return len(list)-n <= len(list)/2
		}
		// A client's lock needs a majority of each of its lists.
		return !slices.ContainsFunc(lists, func(of [][]int) bool { return !slices.ContainsFunc(of, lacks) })
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
		if e.node < 0 {
			lists = listsAt(h, e.at)
			continue
		}
		depth[e.node][e.what] += e.step
	}
	return s
}

// listsAt returns the lists of nodes that each client goes by at an instant.
func listsAt(h *history.History, at time.Duration) [][][]int {
	lists := make([][][]int, max(1, len(h.Clients)))
	for client := range lists {
		lists[client] = h.Lists(client, at)
	}
	return lists
}

func nodeNamed(h *history.History, name string) int {
	for i := range h.Nodes {
		if effect.NodeName(i) == name {
			return i
		}
	}
	return -1
}
