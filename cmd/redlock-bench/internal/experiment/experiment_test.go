package experiment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

func find(t *testing.T, scenarioName, subjectName string) Spec {
	s, err := scenario.Find(scenarioName)
	require.NoError(t, err)
	sub, err := subject.Find(subjectName)
	require.NoError(t, err)
	return spec(s, sub, cluster.Embedded)
}

func TestBrokenSubjectIsCaught(t *testing.T) {
	for _, name := range []string{"control", "partition", "stale-unlock"} {
		t.Run(name, func(t *testing.T) {
			o, err := find(t, name, "broken").Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, check.Violated, o.Exclusion)
			assert.Positive(t, o.Overlap)
			assert.NotEmpty(t, o.Findings)
			assert.False(t, o.AsExpected())
		})
	}
}

// TestLockFromNobodyIsCaught shows that a lock is violated that was taken from nodes which couldn't answer, although
// the experiment can't go on from there.
func TestLockFromNobodyIsCaught(t *testing.T) {
	for _, name := range []string{"cancelled-acquire", "ghost-request"} {
		t.Run(name, func(t *testing.T) {
			o, err := find(t, name, "broken").Run(t.Context())
			require.NoError(t, err)
			assert.ErrorIs(t, o.Err, lab.ErrSpoiled)
			assert.Equal(t, check.Violated, o.Exclusion)
			require.NotEmpty(t, o.Findings)
			assert.Contains(t, o.Findings[0], "client 1 got the lock while no more than 0 of its 1 nodes could answer")
		})
	}
}

// TestFailedAttemptsMustBeReleased shows that a lock is caught whose failed attempts leave behind what they were granted.
func TestFailedAttemptsMustBeReleased(t *testing.T) {
	o, err := find(t, "cancelled-acquire", "flawed-litter").Run(t.Context())
	require.NoError(t, err)
	require.NoError(t, o.Err)
	assert.Equal(t, check.Violated, o.Availability)
	assert.False(t, o.AsExpected())
}

func TestFewestNodes(t *testing.T) {
	for _, s := range scenario.On(cluster.Embedded) {
		t.Run(s.Name, func(t *testing.T) {
			x := find(t, s.Name, "classic")
			x.Cluster.Nodes = s.MinNodes
			o, err := x.Run(t.Context())
			require.NoError(t, err)
			assert.True(t, o.AsExpected(), "%+v: %q", o.Judgement, o.Evidence)
		})
	}
}

// TestItIsTheGuardsThatHold shows that the experiments about guards break package redlock without them,
// and that fencing then still tells the stale writes.
func TestItIsTheGuardsThatHold(t *testing.T) {
	var specs []Spec
	for _, s := range scenario.On(cluster.Embedded) {
		if s.Guard == "restart" || s.Guard == "clock" {
			specs = append(specs, find(t, s.Name, "unguarded"))
		}
	}
	outcomes, err := Run(t.Context(), specs, 4, func(*Outcome) {})
	require.NoError(t, err)
	require.Len(t, outcomes, len(specs))
	require.NotEmpty(t, outcomes)
	for _, o := range outcomes {
		assert.Equal(t, check.Violated, o.Exclusion, "%s: %q", o.Spec.Scenario.Name, o.Evidence)
		assert.True(t, o.AsExpected(), "%s: %+v: %q", o.Spec.Scenario.Name, o.Judgement, o.Evidence)
		assert.Equal(t, check.Held, o.Fencing, o.Spec.Scenario.Name)
		assert.Positive(t, o.StaleRefused, o.Spec.Scenario.Name)
	}
}

// failing is a scenario in which client 1 acquires the lock and client 2 is refused, before the experiment fails.
func failing(t *testing.T, err error, begun *int) Spec {
	x := find(t, "control", "guarded")
	x.Scenario.Perform = func(ctx context.Context, l *lab.Lab) error {
		*begun++
		if err := l.Clients()[0].Acquire(ctx); err != nil {
			return err
		}
		if _, err := l.Clients()[1].TryAcquire(ctx); err != nil {
			return err
		}
		if err == nil {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return err
	}
	return x
}

func TestFailedExperimentsAreUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		begun int
	}{
		"the backend can't inject the fault": {cluster.ErrUnsupported, 1},
		"a worker failed":                    {worker.ErrWorker, 1},
		"the fault wasn't seen":              {cluster.ErrNotProven, attempts},
		"the machine was too slow":           {lab.ErrSpoiled, attempts},
	} {
		t.Run(name, func(t *testing.T) {
			begun := 0
			o, err := failing(t, fmt.Errorf("details: %w", c.err), &begun).Run(t.Context())
			require.NoError(t, err)
			assert.ErrorIs(t, o.Err, c.err)
			assert.Equal(t, check.Unknown, o.Exclusion)
			assert.Equal(t, check.Unknown, o.Fencing)
			assert.False(t, o.AsExpected())
			assert.Contains(t, o.Evidence[len(o.Evidence)-1], "details: "+c.err.Error())
			assert.Equal(t, c.begun, begun)
		})
	}
}

// TestViolationStands shows that a violation that was seen isn't excused by what failed later.
func TestViolationStands(t *testing.T) {
	x := find(t, "control", "broken")
	x.Scenario.Perform = func(ctx context.Context, l *lab.Lab) error {
		for _, c := range l.Clients() {
			if err := c.Acquire(ctx); err != nil {
				return err
			}
		}
		return lab.Spoiled("too late")
	}
	o, err := x.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, check.Violated, o.Exclusion)
	assert.ErrorIs(t, o.Err, lab.ErrSpoiled)
	assert.False(t, o.AsExpected())
}

// TestExpectedViolationIsNoReasonToStop shows that an experiment is repeated which was spoiled after
// the violation that it should show.
func TestExpectedViolationIsNoReasonToStop(t *testing.T) {
	begun := 0
	x := find(t, "control", "broken")
	x.Subject.Traits, x.Scenario.Breaks = subject.LacksGuards, subject.LacksGuards
	x.Scenario.Perform = func(ctx context.Context, l *lab.Lab) error {
		begun++
		for _, c := range l.Clients() {
			if err := c.Acquire(ctx); err != nil {
				return err
			}
		}
		return lab.Spoiled("before an update was lost")
	}
	o, err := x.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, attempts, begun)
	assert.False(t, o.AsExpected())
}

// TestOneWitnessProvesThatALockBreaks shows that an experiment is repeated which should show a violation and
// doesn't, and only that one.
func TestOneWitnessProvesThatALockBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		breaks        bool
		shows         int // the attempt that shows a violation
		begun, before int
	}{
		"expected, and seen at the second attempt": {true, 2, 2, 1},
		"expected, and never seen":                 {true, attempts + 1, attempts, attempts - 1},
		"not expected, and not seen":               {false, 2, 1, 0},
		"not expected, and seen":                   {false, 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			begun := 0
			x := find(t, "control", "broken")
			if c.breaks {
				x.Subject.Traits, x.Scenario.Breaks, x.Scenario.Races = subject.LacksGuards, subject.LacksGuards, subject.LacksGuards // nobody writes
			}
			x.Scenario.Perform = func(ctx context.Context, l *lab.Lab) error {
				begun++
				for _, client := range l.Clients() {
					if err := client.Acquire(ctx); err != nil || begun != c.shows {
						return err
					}
				}
				return nil
			}
			o, err := x.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.begun, begun)
			assert.Equal(t, begun == c.shows, o.Exclusion == check.Violated)
			told := 0
			for _, sentence := range o.Evidence {
				if strings.Contains(sentence, "didn't show what it should: +") {
					told++
				}
			}
			assert.Equal(t, c.before, told, "%q", o.Evidence)
		})
	}
}

// TestNothingBadIsRepeatedAway shows that a lock isn't given another attempt in which it may do better.
func TestNothingBadIsRepeatedAway(t *testing.T) {
	expected := scenario.Expectation{Exclusion: check.Held, Fencing: check.Held, Availability: check.Held, StaleWrites: true, LostUpdates: true}
	missed := check.Judgement{Exclusion: check.Held, Fencing: check.Held, Availability: check.Held}
	assert.True(t, (&Outcome{Expected: expected, Judgement: missed}).repeatable(), "no stale write was seen")
	for name, spoil := range map[string]func(*check.Judgement){
		"exclusion":    func(j *check.Judgement) { j.Exclusion = check.Violated },
		"fencing":      func(j *check.Judgement) { j.Fencing = check.Violated },
		"availability": func(j *check.Judgement) { j.Availability = check.Violated },
	} {
		j := missed
		spoil(&j)
		assert.False(t, (&Outcome{Expected: expected, Judgement: j}).repeatable(), name)
	}
}

// TestUnknownIsNeverExpected shows that what couldn't be judged passes for nobody, a stranger included.
func TestUnknownIsNeverExpected(t *testing.T) {
	stranger := subject.External("mine", []string{"program"})
	for _, spoil := range []func(*check.Judgement){
		func(j *check.Judgement) { j.Exclusion = check.Unknown },
		func(j *check.Judgement) { j.Fencing = check.Unknown },
		func(j *check.Judgement) { j.Availability = check.Unknown },
	} {
		o := &Outcome{Spec: Spec{Subject: stranger}, Judgement: check.Judgement{Exclusion: check.Held, Fencing: check.None, Availability: check.None}}
		assert.True(t, o.AsExpected())
		spoil(&o.Judgement)
		o.Expected = scenario.Expectation{Exclusion: o.Exclusion, Fencing: o.Fencing, Availability: o.Availability}
		assert.False(t, o.AsExpected())
		o.Spec.Subject = subject.Subject{}
		assert.False(t, o.AsExpected(), "although it says that it's expected")
	}
}

// TestStrict shows which verdicts pass when nothing may be wrong. A lock may refuse what it needn't.
func TestStrict(t *testing.T) {
	held := check.Judgement{Exclusion: check.Held, Fencing: check.Held, Availability: check.Violated}
	for name, c := range map[string]struct {
		spoil func(*check.Judgement)
		want  bool
	}{
		"held":               {func(*check.Judgement) {}, true},
		"no tokens":          {func(j *check.Judgement) { j.Fencing = check.None }, true},
		"exclusion violated": {func(j *check.Judgement) { j.Exclusion = check.Violated }, false},
		"fencing violated":   {func(j *check.Judgement) { j.Fencing = check.Violated }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := &Outcome{Spec: Spec{Subject: subject.External("mine", []string{"program"})}, Judgement: held}
			c.spoil(&o.Judgement)
			assert.True(t, o.AsExpected(), "nothing is expected of a stranger")
			o.Spec.Strict = true
			assert.Equal(t, c.want, o.AsExpected())
		})
	}
}

// TestNothingToJudge shows that an experiment in which a client can't take part has no verdict.
func TestNothingToJudge(t *testing.T) {
	x := find(t, "suspend", "classic")
	x.Subject = subject.External("mine", []string{"program"})
	none := check.Judgement{Exclusion: check.None, Fencing: check.None, Availability: check.None}
	o := &Outcome{Spec: x, Expected: x.Scenario.Expect(x.Subject), Judgement: check.Judgement{Exclusion: check.Held}}
	o.fail(fmt.Errorf("details: %w", lab.ErrNotApplicable))
	assert.Equal(t, none, o.Judgement)
	assert.True(t, o.AsExpected())
	peer, err := subject.Find("redsync")
	require.NoError(t, err)
	assert.Equal(t, check.None, x.Scenario.Expect(peer).Exclusion)
	assert.True(t, (&Outcome{Spec: Spec{Scenario: x.Scenario, Subject: peer}, Expected: x.Scenario.Expect(peer), Judgement: none, Err: lab.ErrNotApplicable}).AsExpected())
	assert.False(t, (&Outcome{Expected: x.Scenario.Expect(peer), Judgement: none, Err: lab.ErrSpoiled}).AsExpected())
	guarded, err := subject.Find("guarded")
	require.NoError(t, err)
	assert.False(t, (&Outcome{Expected: x.Scenario.Expect(guarded), Judgement: none, Err: lab.ErrNotApplicable}).AsExpected(), "it can take part")
}

func TestTimeout(t *testing.T) {
	begun := 0
	x := failing(t, nil, &begun)
	x.Timeout = 2 * time.Second
	began := time.Now()
	o, err := x.Run(t.Context())
	require.NoError(t, err)
	assert.Less(t, time.Since(began), 15*time.Second)
	assert.Equal(t, check.Unknown, o.Exclusion)
	assert.ErrorContains(t, o.Err, "--timeout")
	assert.LessOrEqual(t, begun, 1, "an experiment without time isn't begun again")
}

func TestWorkerThatDoesntStart(t *testing.T) {
	x := find(t, "control", "classic")
	x.Worker = []string{"/bin/false"}
	o, err := x.Run(t.Context())
	require.NoError(t, err)
	assert.ErrorIs(t, o.Err, worker.ErrWorker)
	assert.Equal(t, check.Unknown, o.Exclusion)
	assert.Equal(t, check.None, o.Fencing)
	assert.Equal(t, check.None, o.Availability)
}

func TestNodesThatDontStart(t *testing.T) {
	x := find(t, "control", "classic")
	x.Cluster.Nodes = -1
	outcomes, err := Run(t.Context(), []Spec{x, x, x}, 2, func(*Outcome) { t.Error("nothing was performed") })
	assert.Error(t, err)
	assert.Empty(t, outcomes)
}

func TestCancelKeepsWhatIsDone(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stop := errors.New("enough")
	begun := 0
	endless := failing(t, nil, &begun)
	outcomes, err := Run(ctx, []Spec{find(t, "control", "single"), endless, endless}, 1, func(*Outcome) {
		time.AfterFunc(100*time.Millisecond, func() { cancel(stop) })
	})
	assert.ErrorIs(t, err, stop)
	require.Len(t, outcomes, 1)
	assert.True(t, outcomes[0].AsExpected())
}
