package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// counted is what became of the faults of a kind.
func counted(o *Outcome, kind string) history.FaultCount {
	for _, c := range o.History.Chaos.Faults {
		if c.Kind == kind {
			return c
		}
	}
	return history.FaultCount{}
}

// TestFaultThatACrashHidesIsExcused has a node crash before it could be seen to be slow.
func TestFaultThatACrashHidesIsExcused(t *testing.T) {
	r := newRun(t, "guarded", cluster.Embedded, 6*time.Second)
	r.Plan.Faults = []nemesis.Fault{
		{Kind: nemesis.SlowNode, Nodes: []int{1}, At: 1000 * ms, By: 700 * ms, For: 500 * ms},
		{Kind: nemesis.CrashNode, Nodes: []int{1}, Memory: cluster.Keep, At: 1060 * ms, For: 1500 * ms},
	}
	o := perform(t, r)
	assert.Equal(t, history.FaultCount{Kind: "slow-node", Planned: 1, Excused: 1}, counted(o, "slow-node"))
	assert.Equal(t, 1, counted(o, "crash-keep").Proven)
}

// TestFaultWithoutEffectIsNoEvidence resets the connections of clients that have none.
func TestFaultWithoutEffectIsNoEvidence(t *testing.T) {
	r := newRun(t, "broken", cluster.Embedded, 5*time.Second)
	r.Plan.Faults = []nemesis.Fault{{Kind: nemesis.ResetLinks, Nodes: []int{2}, At: time.Second}}
	o := perform(t, r)
	assert.Equal(t, 1, counted(o, "reset").Failed)
	require.NotEmpty(t, o.Doubts)
	assert.Contains(t, o.Doubts[0], "none of 1 faults reset was seen to take effect")
	assert.Equal(t, check.Violated, o.Exclusion, "what was seen stands")
}

// TestClockThatCantBeBentIsExcused has a client whose program knows nothing of bent clocks.
func TestClockThatCantBeBentIsExcused(t *testing.T) {
	h := newHavoc(nil, Plan{Nodes: 1, Clients: 1})
	h.unseen(nemesis.Fault{Kind: nemesis.ClientDrift, Clients: []int{0}, Rate: 0.992}, 0, fmt.Errorf("nemesis: %w", lab.ErrNotApplicable))
	assert.Equal(t, 1, h.counts["client-drift"].Excused)
	assert.Zero(t, h.counts["client-drift"].Failed)
}

// TestFailedRunHoldsNothing judges a history in which enough happened, as the record of a run that failed.
func TestFailedRunHoldsNothing(t *testing.T) {
	h := &history.History{
		Clients: []string{"client 1", "client 2"}, TTL: 100 * ms, Start: 1, End: 10 * 100 * ms, Fencing: true,
		Chaos: &history.Chaos{Faults: []history.FaultCount{{Kind: "flush", Planned: 1, Proven: 1}}},
	}
	for i := range 10 {
		at, owner, other := time.Duration(1+i)*90*ms, h.Clients[i%2], h.Clients[1-i%2]
		granted := acquire(owner, at, at+ms, at+50*ms)
		granted.Fence = int64(1 + i)
		h.Operations = append(h.Operations, granted, acquire(other, at+2*ms, at+3*ms, 0))
		for _, register := range []history.Register{history.Plain, history.Fenced} {
			h.Writes = append(h.Writes, history.Write{Client: owner, Lease: granted.Lease, Register: register, At: at + 4*ms, Fence: granted.Fence, Read: int64(i), Accepted: true})
		}
	}
	o := Judge(h, nil)
	require.Empty(t, o.Doubts)
	assert.True(t, o.AsExpected())
	assert.Equal(t, check.Held, o.Linearizable.Verdict)
	o = Judge(h, lab.ErrSpoiled)
	for _, v := range []check.Verdict{o.Exclusion, o.Fencing, o.Linearizable.Verdict, o.Availability} {
		assert.Equal(t, check.Unknown, v)
	}
	assert.False(t, o.AsExpected())
}

// TestFaultThatCantBeUndoneEndsTheRun shows that a failed end counts, and that one which wasn't seen doesn't.
func TestFaultThatCantBeUndoneEndsTheRun(t *testing.T) {
	h := newHavoc(nil, split())
	undo := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	h.heal(t.Context(), h.plan.Faults[0], undo(nil))
	h.heal(t.Context(), h.plan.Faults[0], undo(cluster.ErrNotProven))
	assert.NoError(t, h.failure(nil))
	h.heal(t.Context(), h.plan.Faults[0], undo(cluster.ErrNotRunning))
	assert.ErrorIs(t, h.failure(nil), cluster.ErrNotRunning)
	assert.ErrorIs(t, h.failure(lab.ErrSpoiled), lab.ErrSpoiled)
}

// TestWhatIsExpectedOfARun states which verdicts end a run well: of a lock with tokens, of any other, and where
// nothing may be wrong.
func TestWhatIsExpectedOfARun(t *testing.T) {
	held := func() *Outcome {
		return &Outcome{
			Judgement:    check.Judgement{Exclusion: check.Held, Fencing: check.Held, Availability: check.Held},
			Linearizable: check.LinearizableResult{Verdict: check.Held},
		}
	}
	verdicts := map[string]func(*Outcome) *check.Verdict{
		"exclusion":       func(o *Outcome) *check.Verdict { return &o.Exclusion },
		"fencing":         func(o *Outcome) *check.Verdict { return &o.Fencing },
		"linearizability": func(o *Outcome) *check.Verdict { return &o.Linearizable.Verdict },
		"availability":    func(o *Outcome) *check.Verdict { return &o.Availability },
	}
	for name, of := range verdicts {
		for _, verdict := range []check.Verdict{check.Violated, check.Unknown} {
			t.Run(name+" "+string(verdict), func(t *testing.T) {
				o := held()
				assert.True(t, o.AsExpected())
				o.Subject.Fencing = true
				assert.True(t, o.AsExpected())
				assert.False(t, o.Violated())
				*of(o) = verdict
				assert.False(t, o.AsExpected(), "it has tokens")
				assert.Equal(t, verdict == check.Violated && name != "availability", o.Violated())
				o.Subject.Fencing = false
				assert.Equal(t, verdict == check.Violated, o.AsExpected(), "it has none")
				o.Strict = true
				assert.False(t, o.AsExpected(), "strict")
			})
		}
	}
	o := held()
	o.Err = lab.ErrSpoiled
	assert.False(t, o.AsExpected())
}
