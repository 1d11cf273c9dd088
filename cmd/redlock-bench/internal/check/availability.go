package check

import (
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// AvailabilityResult is what [Availability] found.
type AvailabilityResult struct {
	Verdict Verdict
	// Faults says in a sentence each what the lock refused.
	Faults []string
}

// Availability looks whether the lock gave what it had no reason to refuse. The verdict is [None]
// if nothing of the kind was demanded.
func Availability(h *history.History) AvailabilityResult {
	result := AvailabilityResult{Verdict: None}
	if len(h.Demands) > 0 {
		result.Verdict = Held
	}
	for _, d := range h.Demands {
		if !d.Met {
			result.Verdict = Violated
			result.Faults = append(result.Faults, fmt.Sprintf("+%v: refused without a reason: %s", (d.At-h.Start).Round(100*time.Microsecond), d.What))
		}
	}
	return result
}
