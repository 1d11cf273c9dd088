package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

func newRun(t *testing.T, name string, backend cluster.Backend, duration time.Duration) Run {
	s, err := subject.Find(name)
	require.NoError(t, err)
	p, err := Generate(blank(1, duration), backend, nil, 0)
	require.NoError(t, err)
	return Run{Plan: p, Subject: s, Backend: backend, Worker: []string{os.Args[0], "worker"}, LastMoments: LastMoments, LongHolds: LongHolds}
}

func perform(t *testing.T, r Run) *Outcome {
	o, err := r.Perform(t.Context())
	require.NoError(t, err)
	require.NoError(t, o.Err)
	return o
}

func testGuarded(t *testing.T, backend cluster.Backend) {
	o := perform(t, newRun(t, "guarded", backend, 8*time.Second))
	for range 2 { // a machine that's too busy to prove a fault leaves it unknown
		if len(o.Doubts) > 0 {
			o = perform(t, newRun(t, "guarded", backend, 8*time.Second))
		}
	}
	assert.Empty(t, o.Doubts)
	assert.Equal(t, check.Held, o.Exclusion, o.Findings)
	assert.Equal(t, check.Held, o.Fencing, o.Findings)
	assert.Equal(t, check.Held, o.Linearizable.Verdict, o.Linearizable.Faults)
	assert.True(t, o.AsExpected())
	assert.False(t, o.Violated())
	assert.Greater(t, o.Acquired, 5)
	assert.Zero(t, o.Measures.Operations[protocol.Acquire].Unknown)
	proven := 0
	for _, c := range o.History.Chaos.Faults {
		proven += c.Proven
		assert.Equal(t, c.Planned, c.Proven+c.Skipped+c.Failed+c.Excused, "%+v", c)
	}
	assert.Greater(t, proven, 4)
}

func TestGuardedOnEmbeddedNodes(t *testing.T) { testGuarded(t, cluster.Embedded) }

// TestCompoundFaultsBreakClassic has no other fault. One of them alone may have no effect: its owner may notice before another client comes by.
func TestCompoundFaultsBreakClassic(t *testing.T) {
	compounds := func(name string) Run {
		r := newRun(t, name, cluster.Embedded, 5*time.Second)
		r.Plan = blank(1, 15*time.Second)
		r.Plan.TTL = 500
		r.Plan.Faults = []nemesis.Fault{}
		random := rand.New(rand.NewPCG(1, 0))
		for at := r.Plan.TTL.Duration(); at < r.Plan.Duration.Duration(); at += 4 * r.Plan.TTL.Duration() {
			r.Plan.compound(random, at, at+r.Plan.TTL.Duration())
		}
		slices.SortStableFunc(r.Plan.Faults, func(a, b nemesis.Fault) int { return cmp.Compare(a.At, b.At) })
		return r
	}
	t.Run("classic", func(t *testing.T) {
		for range 4 {
			if o := perform(t, compounds("classic")); o.Violated() {
				assert.Equal(t, check.Violated, o.Exclusion)
				return
			}
		}
		assert.Fail(t, "not violated")
	})
	t.Run("guarded", func(t *testing.T) {
		o := perform(t, compounds("guarded"))
		assert.False(t, o.Violated(), o.Findings)
		assert.Positive(t, o.Acquired)
	})
}

func TestGuardedOnRealServers(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil && os.Getenv("REDLOCK_REQUIRE_REDIS") != "1" {
		t.Skip(err)
	}
	testGuarded(t, cluster.Redis)
}

func TestBrokenSubjectIsCaught(t *testing.T) {
	o := perform(t, newRun(t, "broken", cluster.Embedded, 5*time.Second))
	assert.Equal(t, check.Violated, o.Exclusion)
	assert.True(t, o.Violated())
	assert.Positive(t, o.Measures.Overlaps)
	assert.Positive(t, o.Measures.LongestOverlap)
	assert.Less(t, o.FailedAt(), 5*time.Second)

	var text, data bytes.Buffer
	report := NewReport("embedded", newRun(t, "broken", cluster.Embedded, 5*time.Second).Plan, []*Outcome{o})
	require.NoError(t, report.WriteText(&text, 0))
	assert.Contains(t, text.String(), "VIOLATED")
	assert.Contains(t, text.String(), "the first of ")
	assert.LessOrEqual(t, strings.Count(text.String(), "\n"), 45)
	assert.NotContains(t, text.String(), "safe ")
	require.NoError(t, report.WriteJSON(&data))
	var again Report
	require.NoError(t, json.Unmarshal(data.Bytes(), &again))
	assert.Equal(t, *report, again)
}

// split lets two clients reach the nodes A, B and C and the two others C, D and E, while C forgets
// everything again and again.
func split() Plan {
	p := blank(1, 10*time.Second)
	p.Faults = []nemesis.Fault{
		{Kind: nemesis.Partition, Clients: []int{0, 1}, Nodes: []int{3, 4}, At: time.Second, For: 8 * time.Second},
		{Kind: nemesis.Partition, Clients: []int{2, 3}, Nodes: []int{0, 1}, At: time.Second, For: 8 * time.Second},
	}
	for at := 1500 * time.Millisecond; at < 8*time.Second; at += 250 * time.Millisecond {
		p.Faults = append(p.Faults, nemesis.Fault{Kind: nemesis.FlushNode, Nodes: []int{2}, At: at})
	}
	return p
}

func TestClassicIsCaughtWhereGuardedHolds(t *testing.T) {
	require.Empty(t, split().Outside())
	guarded := newRun(t, "guarded", cluster.Embedded, 10*time.Second)
	guarded.Plan = split()
	assert.NotEqual(t, check.Violated, perform(t, guarded).Exclusion, "it's rarely available, so it can't count as held")

	classic := newRun(t, "classic", cluster.Embedded, 10*time.Second)
	classic.Plan = split()
	for range 5 { // one run usually finds several violations, but real processes may always be lucky
		if perform(t, classic).Exclusion == check.Violated {
			return
		}
	}
	assert.Fail(t, "classic was never violated")
}

func TestInterruptEndsARunSoonWithWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := newRun(t, "guarded", cluster.Embedded, time.Minute)
	var once sync.Once
	var stopped time.Time
	r.Progress = func(p Progress) {
		if p.Acquired > 0 {
			once.Do(func() { stopped = time.Now(); cancel() })
		}
	}
	o, err := r.Perform(ctx)
	require.NoError(t, err)
	assert.Less(t, time.Since(stopped), 40*time.Second)
	require.NoError(t, o.Err)
	assert.Positive(t, o.Acquired)
	assert.Zero(t, o.Measures.Operations[protocol.Acquire].Unknown, "no operation is cut short")
}

func TestInterruptBeforeTheRun(t *testing.T) {
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := newRun(t, "guarded", cluster.Embedded, time.Minute)
	r.Worker = []string{"sleep", "60"} // it never answers the greeting
	time.AfterFunc(100*time.Millisecond, func() { cancel(stop) })
	_, err := r.Perform(ctx)
	require.ErrorIs(t, err, stop)
	require.NotErrorIs(t, err, worker.ErrWorker)
}

func TestWorkerThatFailsMakesTheVerdictsUnknown(t *testing.T) {
	// Classic, because a guarded one needs an uncertain number of requests for its first lock.
	r := newRun(t, "classic", cluster.Embedded, time.Minute)
	r.Plan.Faults = nil
	r.Worker = []string{os.Args[0], "tired-worker"}
	o, err := r.Perform(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, o.Err, worker.ErrWorker)
	assert.Equal(t, check.Unknown, o.Exclusion)
	assert.False(t, o.AsExpected())
}

// TestStarvedClientMakesTheVerdictsUnknown has a client that works, and never gets a lock.
func TestStarvedClientMakesTheVerdictsUnknown(t *testing.T) {
	r := newRun(t, "classic", cluster.Embedded, 6*time.Second)
	r.Plan.TTL, r.Plan.Faults = 200, nil
	r.Worker = []string{os.Args[0], "starved-worker"}
	o, err := r.Perform(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, o.Err, lab.ErrSpoiled)
	assert.ErrorContains(t, o.Err, "couldn't take a lock on healthy nodes: no quorum")
	assert.Equal(t, check.Unknown, o.Exclusion)
	assert.False(t, o.AsExpected())
	var text bytes.Buffer
	require.NoError(t, NewReport("embedded", r.Plan, []*Outcome{o}).WriteText(&text, 0))
	assert.Contains(t, text.String(), "classic: the run is incomplete: lab: experiment spoiled: client ")
}

func TestWorkerThatCannotStartIsAnError(t *testing.T) {
	r := newRun(t, "guarded", cluster.Embedded, 6*time.Second)
	r.Worker = []string{"false"}
	_, err := r.Perform(t.Context())
	require.ErrorIs(t, err, worker.ErrWorker)
	require.NotErrorIs(t, err, lab.ErrSpoiled)
}
