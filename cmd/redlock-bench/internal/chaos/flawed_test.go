package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// lastMoments is a run in which half of the locks are held to their last moment, under faults of one kind.
func lastMoments(t *testing.T, subject, fault string, ttl time.Duration) Run {
	r := newRun(t, subject, cluster.Embedded, 6*time.Second)
	r.Plan.TTL, r.LastMoments = 200, 0.5
	if ttl > 0 {
		r.Plan.TTL = protocol.InMilliseconds(ttl)
	}
	var err error
	r.Plan, err = Generate(r.Plan, r.Backend, map[string]int{fault: 1}, 0)
	require.NoError(t, err)
	return r
}

// TestSlipsThatHardlyEverShowAreFound has locks with one slip each, and the two that they were made of without it.
// What one run finds is a matter of chance, so some get several.
func TestSlipsThatHardlyEverShowAreFound(t *testing.T) {
	exclusion := func(o *Outcome) check.Verdict { return o.Exclusion }
	fencing := func(o *Outcome) check.Verdict { return o.Fencing }
	for name, c := range map[string]struct {
		fault string
		ttl   time.Duration
		of    func(*Outcome) check.Verdict
	}{
		"flawed-overstay-3ms":  {"reset", 0, exclusion},
		"flawed-overstay-15ms": {"reset", 0, exclusion},
		"flawed-release":       {"reset", 0, exclusion},
		"flawed-revival":       {"reset", 0, exclusion},
		"flawed-no-drift":      {"clock-drift", time.Second, exclusion},
		"flawed-tokens":        {"reset", 0, fencing},
	} {
		t.Run(name, func(t *testing.T) {
			for range 15 {
				r := lastMoments(t, name, c.fault, c.ttl)
				if name == "flawed-tokens" {
					r.LastMoments = 0 // the more locks, the more tokens
				}
				if o := perform(t, r); c.of(o) == check.Violated {
					assert.NotEmpty(t, o.Findings)
					return
				}
			}
			assert.Fail(t, "not found")
		})
	}
	for _, name := range []string{"classic", "guarded"} {
		for fault, ttl := range map[string]time.Duration{"reset": 0, "clock-drift": time.Second} {
			t.Run(name+" under "+fault, func(t *testing.T) {
				o := perform(t, lastMoments(t, name, fault, ttl))
				assert.False(t, o.Violated(), o.Findings)
				assert.Positive(t, o.Measures.Operations[protocol.Check].OK+o.Measures.Operations[protocol.Check].Refused, "locks were held to the end")
			})
		}
	}
}
