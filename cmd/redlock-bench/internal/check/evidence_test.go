package check

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// TestFaultsThatNobodySawProveNothing states when random faults are no evidence.
func TestFaultsThatNobodySawProveNothing(t *testing.T) {
	for name, c := range map[string]struct {
		faults []history.FaultCount
		want   string // part of the only doubt; "" for none
	}{
		"all seen": {[]history.FaultCount{{Kind: "flush", Planned: 3, Proven: 3}}, ""},
		"none seen": {[]history.FaultCount{{Kind: "flush", Planned: 3, Proven: 3}, {Kind: "clock-forward", Planned: 3, Failed: 3, Why: "the clock stayed"}},
			"none of 3 faults clock-forward was seen to take effect: the clock stayed"},
		"all skipped":        {[]history.FaultCount{{Kind: "flush", Planned: 3, Skipped: 3}}, "none of 3 faults flush"},
		"hidden by others":   {[]history.FaultCount{{Kind: "flush", Planned: 1, Proven: 1}, {Kind: "slow-node", Planned: 2, Excused: 2}}, ""},
		"the others failed":  {[]history.FaultCount{{Kind: "slow-node", Planned: 2, Excused: 1, Failed: 1}}, "none of 1 faults slow-node"},
		"one in ten":         {[]history.FaultCount{{Kind: "flush", Planned: 10, Proven: 9, Failed: 1}}, ""},
		"more than that":     {[]history.FaultCount{{Kind: "flush", Planned: 10, Proven: 8, Failed: 2, Why: "late"}}, "2 of 10 faults weren't seen to take effect, more than 10 %: late"},
		"a plan of no fault": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := evidence(&history.History{Chaos: &history.Chaos{Faults: c.faults}})
			if c.want == "" {
				assert.Empty(t, got)
			} else if assert.Len(t, got, 1) {
				assert.Contains(t, got[0], c.want)
			}
		})
	}
}

func TestNothingIsHeldWithoutEvidence(t *testing.T) {
	j := Judge(&history.History{Chaos: &history.Chaos{Faults: []history.FaultCount{{Kind: "clock-rate", Planned: 3, Failed: 3}}}})
	assert.NotEmpty(t, j.Doubts)
	assert.Equal(t, Unknown, j.Exclusion)
	assert.Equal(t, None, j.Fencing)
}
