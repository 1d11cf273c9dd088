package chaos

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

func TestWhatBecameOfTheFaultsOfAKind(t *testing.T) {
	for want, c := range map[string]struct {
		count    history.FaultCount
		complete bool
	}{
		"not reached":                        {history.FaultCount{}, false},
		"none was due":                       {history.FaultCount{}, true},
		"2 of 2 proven":                      {history.FaultCount{Planned: 2, Proven: 2}, true},
		"NEVER proven, of 2, 2 failed":       {history.FaultCount{Planned: 2, Failed: 2}, true},
		"0 of 1 proven, 1 hidden":            {history.FaultCount{Planned: 1, Excused: 1}, true},
		"1 of 3 proven, 1 skipped, 1 failed": {history.FaultCount{Planned: 3, Proven: 1, Skipped: 1, Failed: 1}, true},
	} {
		assert.Equal(t, want, became(c.count, c.complete))
	}
}

// about is a report of these results, without a plan's faults.
func about(results ...Result) *Report { return &Report{Backend: "embedded", Results: results} }

func result(subject string, exclusion check.Verdict, overlaps int, available, gap float64) Result {
	return Result{Subject: subject, Exclusion: exclusion, Measures: Measures{
		Available: available, LongestGap: gap, Overlaps: overlaps, LongestOverlap: 34 * float64(overlaps), Out: 1200, New: 800,
	}}
}

func TestBargain(t *testing.T) {
	guarded, classic := result("guarded", check.Held, 0, 0.94, 2333), result("classic", check.Violated, 1, 0.96, 2145)
	assert.Equal(t, "Availability for safety: guarded was available for 94.0 % of the time, with gaps of up to 2333 ms; classic was available for 96.0 % of the time, with gaps of up to 2145 ms. "+
		"For that, guarded never let two clients hold the lock at once; classic let two clients hold the lock at once, once, for up to 34 ms.", about(guarded, classic).Bargain())
	assert.Contains(t, about(guarded, result("classic", check.Held, 0, 0.96, 2145)).Bargain(), "No lock was caught this time")
	assert.Empty(t, about(result("guarded", check.Violated, 1, 0.94, 1), classic).Bargain(), "nothing is worth that")
	assert.Empty(t, about(classic).Bargain())
	flawed := result("flawed-tokens", check.Held, 0, 0.9, 1)
	flawed.Fencing = check.Violated
	assert.Contains(t, about(guarded, flawed).Bargain(), "For that, guarded broke no promise; flawed-tokens gave out wrong fencing tokens.")
	assert.Contains(t, about(guarded, classic, flawed).Bargain(), "For that, guarded broke no promise; classic let two clients hold the lock at once, once, for up to 34 ms, and flawed-tokens gave out wrong fencing tokens.")
	ours := guarded
	ours.Linearizable = check.Violated
	assert.Empty(t, about(ours, classic).Bargain(), "nothing is worth that either")
	assert.Contains(t, about(guarded).Gaps(), "For 1200 ms of guarded's run, the faults left no majority of the nodes in service. For another 800 ms there was")
	assert.Empty(t, about(classic).Gaps())
	guarded.Out = 0
	assert.Contains(t, about(guarded).Gaps(), "from: For 800 ms there was", "and nothing of what didn't happen")
	guarded.New = 0
	assert.Empty(t, about(guarded).Gaps(), "there's nothing to explain")
}

func TestReportOfAnInterruptedRun(t *testing.T) {
	r := about(result("guarded", check.Held, 0, 1, 1))
	r.Results[0].History = &history.History{Chaos: &history.Chaos{Scheduled: 68, Duration: 30 * time.Second, Lasted: 7 * time.Second,
		Faults: []history.FaultCount{{Kind: "flush", Planned: 12, Proven: 12}}}}
	r.NotBegun = []string{"classic"}
	assert.Equal(t, "Not all of it was done: guarded had 12 of 68 faults, 7s of 30s; classic wasn't begun.", r.Reached())
	r.Results[0].History.Chaos.Lasted = 30 * time.Second
	r.NotBegun = nil
	assert.Empty(t, r.Reached())
}

// TestTextFitsItsWidth has a report with results enough for three tables.
func TestTextFitsItsWidth(t *testing.T) {
	var text bytes.Buffer
	r := about(result("guarded", check.Held, 0, 1, 1), result("classic", check.Violated, 2, 1, 1), result("redsync-failfast", check.Unknown, 0, 1, 1))
	require.NoError(t, r.WriteText(&text, 80))
	for line := range bytes.Lines(text.Bytes()) {
		assert.LessOrEqual(t, len([]rune(string(bytes.TrimSpace(line)))), 80, "%s", line)
	}
}
