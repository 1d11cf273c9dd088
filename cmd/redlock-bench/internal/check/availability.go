package check

import (
	"fmt"

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
			result.Faults = append(result.Faults, fmt.Sprintf("%s: refused without a reason: %s", since(h, d.At), d.What))
		}
	}
	return result
}
