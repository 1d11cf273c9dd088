package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// Overlap is a span in which more than one client believed that it held the lock.
type Overlap struct {
	From, Until time.Duration
	Holders     []history.Holder
}

// tell says when who overlapped, and for how long.
func (o Overlap) tell(h *history.History, acquired holders) string {
	names := make([]string, len(o.Holders))
	for i, holder := range o.Holders {
		names[i] = acquired.name(h, holder)
	}
	return fmt.Sprintf("%s: %s believed for %s at the same time that they held the lock",
		since(h, o.From), strings.Join(names, " and "), spoken.Duration(o.Until-o.From))
}

// ExclusionResult is what [Exclusion] found.
type ExclusionResult struct {
	Verdict Verdict
	// Overlaps are the certain ones, in their order.
	Overlaps []Overlap
	// Total is how long they lasted together.
	Total time.Duration
}

// Exclusion looks for spans in which two holders believed at the same time. It sweeps once over
// the ends of all beliefs, so it's exact and takes O(n log n) for beliefs that don't pile up.
//
// An overlap of beliefs that are certain is a violation. If there is only one that involves a
// client which may or may not have believed, nobody knows.
func Exclusion(beliefs []history.Belief) ExclusionResult {
	certain := slices.DeleteFunc(slices.Clone(beliefs), func(b history.Belief) bool { return !b.Certain })
	result := ExclusionResult{Verdict: Held, Overlaps: sweep(certain)}
	for _, o := range result.Overlaps {
		result.Total += o.Until - o.From
	}
	switch {
	case len(result.Overlaps) > 0:
		result.Verdict = Violated
	case len(sweep(beliefs)) > 0:
		result.Verdict = Unknown
	}
	return result
}

// edge is where a belief begins or ends.
type edge struct {
	at     time.Duration
	delta  int // +1 or -1
	holder history.Holder
}

func sweep(beliefs []history.Belief) []Overlap {
	var edges []edge
	for _, b := range beliefs {
		edges = append(edges, edge{b.From, +1, b.Holder}, edge{b.Until, -1, b.Holder})
	}
	// Ends come before beginnings: a span doesn't include its end.
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.delta, b.delta))
	})
	var overlaps []Overlap
	believing := make(map[history.Holder]int)
	for i, e := range edges {
		if believing[e.holder] += e.delta; believing[e.holder] == 0 {
			delete(believing, e.holder)
		}
		if len(believing) > 1 && edges[i+1].at > e.at {
			overlaps = append(overlaps, Overlap{e.at, edges[i+1].at, believers(believing)})
		}
	}
	return overlaps
}

func believers(believing map[history.Holder]int) []history.Holder {
	var all []history.Holder
	for h := range believing {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b history.Holder) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Lease, b.Lease))
	})
	return all
}
