package check

import (
	"cmp"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// Unavailable returns for how long somebody wanted the lock, nobody believed that they held it, and
// yet it wasn't granted. A client wants the lock from the beginning of an attempt that is refused
// until it gets the lock, or until the end of its last attempt.
//
// Whoever may or may not have believed, because an operation never returned, counts as a believer.
func Unavailable(h *history.History) time.Duration {
	const wanted, held = 0, 1
	var edges []unavailableEdge
	add := func(what int, from, until time.Duration) {
		edges = append(edges, unavailableEdge{from, what, +1}, unavailableEdge{until, what, -1})
	}
	for _, w := range wants(h) {
		add(wanted, w.from, w.until)
	}
	for _, b := range h.Beliefs() {
		add(held, b.From, b.Until)
	}
	slices.SortFunc(edges, func(a, b unavailableEdge) int { return cmp.Compare(a.at, b.at) })
	var total time.Duration
	var count [2]int
	for i, e := range edges {
		if i > 0 && count[wanted] > 0 && count[held] == 0 {
			total += e.at - edges[i-1].at
		}
		count[e.what] += e.step
	}
	return total
}

// unavailableEdge is where a span of one of two kinds begins or ends.
type unavailableEdge struct {
	at   time.Duration
	what int
	step int
}

// want is a span in which a client wanted the lock.
type want struct{ from, until time.Duration }

func wants(h *history.History) []want {
	var all []want
	open := make(map[string]want) // by client
	for _, o := range h.Operations {
		if o.Op != protocol.Acquire || o.Open() {
			continue
		}
		w, trying := open[o.Client]
		switch {
		case trying:
			w.until = o.Returned
		case !o.OK:
			w = want{o.Invoked, o.Returned}
		}
		delete(open, o.Client)
		if !o.OK {
			open[o.Client] = w
		} else if trying {
			all = append(all, w)
		}
	}
	for _, w := range open {
		all = append(all, w)
	}
	return all
}
