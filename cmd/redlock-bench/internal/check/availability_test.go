package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

func TestAvailability(t *testing.T) {
	met := history.Demand{At: 5 * time.Millisecond, What: "client 2 gets the lock", Met: true}
	unmet := history.Demand{At: 7 * time.Millisecond, What: "client 1 renews its lock"}
	for name, c := range map[string]struct {
		demands []history.Demand
		want    AvailabilityResult
	}{
		"nothing demanded": {nil, AvailabilityResult{Verdict: None}},
		"granted":          {[]history.Demand{met, met}, AvailabilityResult{Verdict: Held}},
		"refused once": {[]history.Demand{met, unmet, met},
			AvailabilityResult{Violated, []string{"+4ms: refused without a reason: client 1 renews its lock"}}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, Availability(&history.History{Start: 3 * time.Millisecond, Demands: c.demands}))
		})
	}
}
