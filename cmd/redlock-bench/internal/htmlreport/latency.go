package htmlreport

import (
	"math"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// latency is how long operations of one kind and outcome took, as a line of a table.
type latency struct {
	What                  string
	Count                 int
	Median, P90, P99, Max string
}

// latencies groups the operations that returned.
func latencies(h *history.History) []latency {
	var all []latency
	for _, op := range []protocol.Op{protocol.Acquire, protocol.Extend, protocol.Release, protocol.Read, protocol.Write} {
		for _, ok := range []bool{true, false} {
			var took []time.Duration
			for _, o := range h.Operations {
				if o.Op == op && o.OK == ok && !o.Open() {
					took = append(took, o.Returned-o.Invoked)
				}
			}
			if len(took) > 0 {
				all = append(all, newLatency(op, ok, took))
			}
		}
	}
	return all
}

func newLatency(op protocol.Op, ok bool, took []time.Duration) latency {
	slices.Sort(took)
	l := latency{
		What: string(op), Count: len(took),
		Median: percentile(took, 50), P90: percentile(took, 90), P99: percentile(took, 99), Max: spoken.Duration(took[len(took)-1]),
	}
	if !ok {
		l.What += ", refused"
	}
	return l
}

// percentile returns the smallest value that at least p percent don't exceed. It's a dash where
// there are too few values for it to be another than the largest.
func percentile(sorted []time.Duration, p float64) string {
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	if p > 50 && rank == len(sorted) {
		return "–"
	}
	return spoken.Duration(sorted[rank-1])
}
