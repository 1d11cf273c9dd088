package htmlreport

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// peaceful is a history in which client 2 waits for its turn.
func peaceful() *history.History {
	h := example()
	h.Operations[2].Invoked, h.Operations[2].Returned = h.Start+62*ms, h.Start+65*ms
	h.Operations = h.Operations[:3]
	h.Writes = nil
	return h
}

// both is a run of one scenario under classic, which breaks, and under guarded, which holds.
func both(t *testing.T) Run {
	outcomes := []*experiment.Outcome{outcome(t, "clock-jump", "classic", example(), nil), outcome(t, "clock-jump", "guarded", peaceful(), nil)}
	require.Equal(t, check.Held, outcomes[1].Exclusion)
	return Run{Report: report.New("embedded", 3, 7, outcomes), Outcomes: outcomes, Repeat: func(string, string) string { return "" }}
}

// TestOpensOnAViolation shows that the page begins with one violation, and with this module's lock under the same
// fault, at the same scale.
func TestOpensOnAViolation(t *testing.T) {
	h := newHero(both(t))
	require.NotNil(t, h)
	require.Len(t, h.Sides, 2)
	broken, held := h.Sides[0], h.Sides[1]
	assert.Equal(t, "for 30 ms client 1 and client 2 both believed that they held the lock, "+
		"because the clock of the node that both clients reach jumped, and that node dropped client 1's lock long before its time.", broken.Sentence)
	assert.Equal(t, "clock-jump.classic", broken.Anchor)
	assert.Equal(t, "guarded", held.Subject)
	assert.Contains(t, held.Sentence, "never did two clients believe at once")
	assert.Equal(t, broken.Timeline.End-broken.Timeline.Begin, held.Timeline.End-held.Timeline.Begin)

	fault := find(t, broken.Timeline, "fault")
	require.Len(t, fault.Items, 1)
	assert.Equal(t, "node C jump", fault.Items[0].Label, "the last fault before the overlap, not a cut that set the stage")
	assert.Equal(t, [][2]int64{{30, 60}}, spans(find(t, broken.Timeline, "both"), "overlap"))
	assert.Equal(t, []string{"key", "clock"}, find(t, broken.Timeline, "node C").Rows)
	assert.Equal(t, fault.Items[0].Label, find(t, held.Timeline, "fault").Items[0].Label)
	for _, l := range held.Timeline.Lanes {
		assert.NotEqual(t, "both", l.Name)
	}
}

// TestASurpriseComesFirst shows that a violation that nobody expected isn't hidden behind one that is known.
func TestASurpriseComesFirst(t *testing.T) {
	r := both(t)
	r.Outcomes = append(r.Outcomes, outcome(t, "control", "guarded", example(), nil))
	r.Report = report.New("embedded", 3, 7, r.Outcomes)
	r.Report.Results[0].AsExpected = true
	assert.Equal(t, "control.guarded", newHero(r).Sides[0].Anchor)
}

func TestNothingToOpenOn(t *testing.T) {
	r := both(t)
	r.Outcomes = r.Outcomes[1:]
	r.Report = report.New("embedded", 3, 7, r.Outcomes)
	assert.Nil(t, newHero(r))
	assert.Equal(t, "No violation of mutual exclusion was found in 1 experiment.", headline(r.Report))
}

func TestHeadline(t *testing.T) {
	results := func(verdicts ...string) *report.Report {
		r := &report.Report{}
		for i := 0; i < len(verdicts); i += 2 {
			r.Results = append(r.Results, report.Result{Subject: verdicts[i], Exclusion: check.Verdict(verdicts[i+1])})
		}
		return r
	}
	for want, r := range map[string]*report.Report{
		"No experiment was performed.":                                      results(),
		"No violation of mutual exclusion was found in 2 experiments.":      results("classic", "held", "guarded", "unknown"),
		"guarded let two clients hold the lock at once in 1 of 1 scenario.": results("guarded", "violated", "classic", "held"),
		"naive let two clients hold the lock at once in 1 of 1 scenario.":   results("naive", "violated"),
		"classic let two clients hold the lock at once in 1 of 2 scenarios; guarded, this library’s lock, in none of 1.": results(
			"naive", "violated", "classic", "violated", "classic", "held", "guarded", "held"),
		"Under classic, two clients held the lock at once. Under guarded, this library’s lock, they didn’t.": results("classic", "violated", "guarded", "held"),
	} {
		assert.Equal(t, want, headline(r))
	}
	r := results("classic", "violated", "guarded", "held", "guarded", "held", "flawed-tokens", "held")
	r.Results[1].Fencing, r.Results[3].Fencing = check.Violated, check.Violated
	assert.Equal(t, "classic let two clients hold the lock at once in 1 of 1 scenario; guarded, this library’s lock, in none of 2. "+
		"Wrong fencing tokens were given out by guarded, this library’s lock, in 1 of 2 scenarios, and by flawed-tokens in 1 of 1 scenario.", headline(r))
}

// TestOneOverlapHasOneNumber follows an overlap of 784.973 ms through all that tells of it.
func TestOneOverlapHasOneNumber(t *testing.T) {
	h := &history.History{Clients: []string{"client 1", "client 2"}, Start: time.Second, End: 3 * time.Second, Operations: []history.Operation{
		{Client: "client 1", Op: protocol.Acquire, Lease: 1, Invoked: 1001 * ms, Returned: 1002 * ms, OK: true, ValidUntil: 1900*ms + 973*time.Microsecond},
		{Client: "client 2", Op: protocol.Acquire, Lease: 1, Invoked: 1003 * ms, Returned: 1116 * ms, OK: true, ValidUntil: 2000 * ms},
	}}
	o := outcome(t, "clock-jump", "classic", h, nil)
	r := Run{Outcomes: []*experiment.Outcome{o}, Report: report.New("embedded", 3, 7, []*experiment.Outcome{o}), Repeat: func(string, string) string { return "" }}
	const want = "785 ms"
	assert.Equal(t, want, exclusionCell(r.Report.Results[0]).Word)
	assert.Contains(t, newHero(r).Sides[0].Sentence, "for "+want+" ")
	e := scenarioSections(r)[0].Experiments[0]
	assert.Contains(t, e.Findings[0], "for "+want+" ")
	assert.Contains(t, e.Facts, fact{"overlap of beliefs", want})
	assert.Equal(t, want, find(t, e.Timeline, "overlap").Items[0].Label)
}

// TestKnownViolationsOfOurs has a scenario of which it's known, and a violation that is a surprise.
func TestKnownViolationsOfOurs(t *testing.T) {
	r := both(t)
	assert.Empty(t, known(r))
	r.Outcomes = append(r.Outcomes, outcome(t, "rolling-change", "guarded", example(), nil), outcome(t, "control", "guarded", example(), nil))
	r.Report = report.New("embedded", 3, 7, r.Outcomes)
	r.Report.Results[2].AsExpected, r.Report.Results[3].AsExpected = true, false
	assert.Equal(t, "guarded is known to be violated in rolling-change, because the clients had different lists of nodes, each with a majority of its own. "+
		"docs/safety.md says which assumption that breaks.", known(r))
	assert.Contains(t, written(t, r), "guarded is known to be violated in rolling-change")
}
