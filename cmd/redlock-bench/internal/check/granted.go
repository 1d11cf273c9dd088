package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// leastAvailable is the share of the time in which a lock must be of use under random faults. No more
// than a minority of the nodes is damaged at a time, and clients try all the time.
const leastAvailable = 0.25

// Granted looks whether the lock was of use often enough under random faults.
func Granted(h *history.History) AvailabilityResult {
	available, gap := Available(h)
	if available >= leastAvailable {
		return AvailabilityResult{Verdict: Held}
	}
	return AvailabilityResult{Violated, []string{fmt.Sprintf("available for %.1f %% of the time, of at least %.0f %%; the longest gap was %v",
		100*available, 100*leastAvailable, gap.Round(time.Millisecond))}}
}

// Available returns the share of the time in which the lock was of use: somebody acquired or extended it
// within the last TTL. The gap is the longest time between two of these, or from or to the end of the history.
func Available(h *history.History) (available float64, gap time.Duration) {
	granted := []time.Duration{h.Start, h.End}
	for _, o := range h.Operations {
		if (o.Op == protocol.Acquire || o.Op == protocol.Extend) && !o.Open() && o.OK {
			granted = append(granted, o.Returned)
		}
	}
	slices.Sort(granted)
	var without time.Duration
	for i := 1; i < len(granted); i++ {
		between := granted[i] - granted[i-1]
		gap = max(gap, between)
		without += max(between-h.TTL, 0)
	}
	if all := granted[len(granted)-1] - granted[0]; all > 0 {
		available = 1 - float64(without)/float64(all)
	}
	return available, gap
}
