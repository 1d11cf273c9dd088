package htmlreport

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

func TestGrid(t *testing.T) {
	g := newGrid("?", []report.Result{
		{Scenario: "control", Subject: "classic", Exclusion: check.Held, Expected: check.Held, AsExpected: true},
		{Scenario: "clock-jump", Subject: "guarded", Exclusion: check.Violated, Expected: check.Held, OverlapMS: 0.004},
	}, exclusionCell)
	assert.Equal(t, []string{"guarded", "classic"}, g.Subjects, "this module's own comes first")
	require.Len(t, g.Rows, 2)
	assert.Nil(t, g.Rows[0].Cells[0], "there was no such experiment")
	assert.Equal(t, &gridCell{Anchor: "control.classic", answer: answer{Class: "held", Mark: "✓", Word: "held"}}, g.Rows[0].Cells[1])
	assert.Equal(t, &gridCell{
		Anchor: "clock-jump.guarded", answer: answer{Class: "violated", Mark: "✕", Word: "4 µs"}, Unexpected: "expected held",
	}, g.Rows[1].Cells[0])
}

func TestGridsAskOnlyWhatWasLookedAt(t *testing.T) {
	r := report.Report{Results: []report.Result{{Scenario: "control", Subject: "classic", Exclusion: check.Held, Fencing: check.None, Availability: check.None}}}
	assert.Len(t, grids(&r), 2)
	r.Results[0].Availability = "" // the client didn't start
	assert.Len(t, grids(&r), 2)
	r.Results[0].Availability, r.Results[0].Guard = check.Violated, "restart guard"
	asked := grids(&r)
	require.Len(t, asked, 4)
	assert.Equal(t, "no", asked[2].Rows[0].Cells[0].Word)
	assert.Equal(t, []string{"0 of 1"}, asked[0].Foot)
}

// TestWritesCell shows that the same number has the same mark under every lock.
func TestWritesCell(t *testing.T) {
	for want, r := range map[string]report.Result{
		"✓ 0 plain – no tokens":        {Fencing: check.None},
		"✕ 2 plain – no tokens":        {Fencing: check.None, StaleWritesAccepted: 2},
		"✕ 1 plain ✓ 0 fenced":         {Fencing: check.Held, StaleWritesAccepted: 1},
		"✕ 1 plain ✕ fencing violated": {Fencing: check.Violated, StaleWritesAccepted: 1},
		"✓ 0 plain ? fencing unknown":  {Fencing: check.Unknown},
	} {
		c := writesCell(r)
		assert.Equal(t, want, strings.Join([]string{c.Mark, c.Word, c.Also.Mark, c.Also.Word}, " "))
	}
}

func TestLatencies(t *testing.T) {
	h := &history.History{}
	for i := range 100 {
		h.Operations = append(h.Operations, history.Operation{
			Op: protocol.Acquire, Invoked: 1, Returned: 1 + time.Duration(100-i)*time.Millisecond, OK: true,
		})
	}
	h.Operations = append(h.Operations,
		history.Operation{Op: protocol.Acquire, Invoked: 5, Returned: 5 + 7*time.Microsecond},
		history.Operation{Op: protocol.Write, Invoked: 5})
	assert.Equal(t, []latency{
		{"acquire", 100, "50 ms", "90 ms", "99 ms", "100 ms"},
		{"acquire, refused", 1, "7 µs", "–", "–", "7 µs"},
	}, latencies(h))
}
