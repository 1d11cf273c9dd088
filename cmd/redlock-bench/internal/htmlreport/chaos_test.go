package htmlreport

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// exampleChaos has classic in an overlap, and guarded, which waited, under one plan.
func exampleChaos(t *testing.T) Chaos {
	var outcomes []*chaos.Outcome
	for _, name := range []string{"guarded", "classic"} {
		h := map[string]*history.History{"guarded": peaceful(), "classic": example()}[name]
		h.Chaos = &history.Chaos{Scheduled: 7, Duration: 70 * ms, Lasted: 70 * ms, Faults: []history.FaultCount{{Kind: "flush", Planned: 1, Proven: 1}}}
		o := chaos.Judge(h, nil)
		found, err := subject.Find(name)
		require.NoError(t, err)
		o.Subject = found
		o.Exclusion = map[string]check.Verdict{"guarded": check.Held, "classic": check.Violated}[name]
		outcomes = append(outcomes, o)
	}
	plan := chaos.Plan{Seed: 7, Nodes: 3, Clients: 2, TTL: protocol.InMilliseconds(50 * ms)}
	return Chaos{
		Reports: []*chaos.Report{chaos.NewReport("embedded", plan, outcomes)}, Outcomes: [][]*chaos.Outcome{outcomes},
		Date: time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC), Versions: []string{"redlock-bench v1"}, Command: "redlock-bench chaos --seed 7",
	}
}

func TestChaosPage(t *testing.T) {
	c := exampleChaos(t)
	var out bytes.Buffer
	require.NoError(t, c.Write(&out))
	page := out.String()
	for _, want := range []string{
		"classic let two clients hold the lock at once, once; guarded, this library’s lock, never.",
		"for 30 ms client 1 and client 2 both believed that they held the lock. The last fault before that, by 3.00 ms: node C jump.",
		"at the same time of the same schedule; never in its run did two clients believe at once",
		"Availability for safety: guarded was available for ", "redlock-bench chaos --seed 7", "4 March 2025, 05:06 UTC",
		"<td>1 of 1 proven</td>", "1 overlap, 30 ms in all", "client 1 was paused",
	} {
		assert.True(t, strings.Contains(page, want), want)
	}
	assert.Equal(t, 4, strings.Count(page, `type="application/json"`), "two that the page opens on, and one of each run")
}

// TestChaosHeadline has a lock's wrong tokens, and one that it held with a minority of the nodes, in the sentence that everybody reads.
func TestChaosHeadline(t *testing.T) {
	type verdicts struct{ exclusion, fencing, linearizable check.Verdict }
	held := verdicts{check.Held, check.Held, check.Held}
	for want, runs := range map[string]map[string]verdicts{
		"no lock was seen to let two clients hold it at once.":                                                             {"guarded": held, "classic": {check.Held, check.None, check.None}},
		"guarded, this library’s lock, gave out wrong fencing tokens.":                                                     {"guarded": {check.Held, check.Violated, check.Held}},
		"guarded, this library’s lock, gave out wrong fencing tokens; classic let a minority of the nodes grant the lock.": {"guarded": {check.Held, check.Held, check.Violated}, "classic": {check.Violated, check.None, check.None}},
		"flawed-tokens gave out wrong fencing tokens; guarded, this library’s lock, never.":                                {"flawed-tokens": {check.Held, check.Violated, check.Unknown}, "guarded": held},
	} {
		c := exampleChaos(t)
		c.Reports[0].Results, c.Outcomes[0] = nil, nil
		for _, name := range []string{"guarded", "flawed-tokens", "classic"} {
			v, is := runs[name]
			if !is {
				continue
			}
			s, err := subject.Find(name)
			require.NoError(t, err)
			c.Reports[0].Results = append(c.Reports[0].Results, chaos.Result{Subject: name, Exclusion: v.exclusion, Fencing: v.fencing, Linearizable: v.linearizable})
			c.Outcomes[0] = append(c.Outcomes[0], &chaos.Outcome{Subject: s})
		}
		assert.Equal(t, "Under 0 random faults, "+want, c.headline())
	}
	c := exampleChaos(t)
	c.Reports[0].Results[0].Fencing = check.Violated
	assert.Equal(t, "Under 0 random faults, guarded, this library’s lock, gave out wrong fencing tokens; classic let two clients hold the lock at once, once.", c.headline())
	c.Reports[0].Results[1].Fencing = check.Violated
	assert.Contains(t, c.headline(), "classic let two clients hold the lock at once, once, and gave out wrong fencing tokens.")
	var out bytes.Buffer
	require.NoError(t, c.Write(&out))
	assert.Contains(t, out.String(), `<h3>guarded <span class="verdict violated"><span aria-hidden="true">✕ </span>held, but wrong fencing tokens</span></h3>`)
	assert.Contains(t, out.String(), `1 overlap, 30 ms in all, and wrong fencing tokens</span></h3>`)
}

// TestRefusalsAreMerged has a client that asks three times in a row, once more after a rest, and again after it had
// the lock.
func TestRefusalsAreMerged(t *testing.T) {
	h := &history.History{TTL: 100 * ms}
	add := func(client string, from, until time.Duration, ok bool) {
		h.Operations = append(h.Operations, history.Operation{Client: client, Op: protocol.Acquire, Invoked: from * ms, Returned: until * ms, OK: ok, Error: "no"})
	}
	add("client 1", 1, 2, false)
	add("client 2", 2, 3, false)
	add("client 1", 4, 5, false)
	add("client 1", 10, 11, false)
	add("client 1", 40, 41, false)
	add("client 1", 42, 43, true)
	add("client 1", 44, 45, false)
	merged := merged(h).Operations
	require.Len(t, merged, 5)
	assert.Equal(t, 1*ms, merged[0].Invoked)
	assert.Equal(t, 11*ms, merged[0].Returned)
	assert.Equal(t, "3 times, at last: no", merged[0].Error)
	assert.Equal(t, "client 2", merged[1].Client)
	assert.Equal(t, "no", merged[2].Error, "after a rest")
	assert.True(t, merged[3].OK)
	assert.Len(t, h.Operations, 7, "the history is as it was")
}

// TestChaptersOfALongRun has 400 TTLs: what is drawn begins with the overlap near the end, and is in the order of time.
func TestChaptersOfALongRun(t *testing.T) {
	h := &history.History{Clients: []string{"client 1", "client 2"}, TTL: 10 * ms, Start: 1000 * ms, End: 5000 * ms}
	for at := 1000 * ms; at < 5000*ms; at += 5 * ms {
		h.Operations = append(h.Operations, history.Operation{Client: "client 1", Op: protocol.Acquire, Lease: int64(at), Invoked: at, Returned: at, OK: true, ValidUntil: at + ms})
	}
	h.Operations = append(h.Operations, history.Operation{Client: "client 2", Op: protocol.Acquire, Lease: 1, Invoked: 4800 * ms, Returned: 4800*ms + 1, OK: true, ValidUntil: 4803 * ms})
	c := newDrawing(h).chapters()
	assert.Len(t, c.chosen, mostChapters)
	assert.Equal(t, 40-mostChapters, c.left)
	var drawn bool
	for i, w := range c.chosen {
		assert.True(t, i == 0 || c.chosen[i-1].until <= w.from)
		drawn = drawn || w.from <= 4800*ms && 4800*ms < w.until
	}
	assert.True(t, drawn)
}
