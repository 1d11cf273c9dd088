package doctor

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// needClocks skips a test where clocks can't be bent.
func needClocks(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if err := c.Node(0).ClockControl(); err != nil {
		require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_REDIS"), err)
		t.Skip(err)
	}
}

func TestClockApart(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 5})
	needClocks(t, c)
	_, err := c.Node(2).JumpClock(t.Context(), 5*time.Second)
	require.NoError(t, err)
	_, err = c.Node(3).JumpClock(t.Context(), -5*time.Second)
	require.NoError(t, err)
	r := diagnose(t, quick(urls(c, "")...))
	assert.True(t, r.Fit, "two of five may be wrong")
	assertFinding(t, r, "clock", OK, []int{1, 2, 5}, "steady, and within")
	assertFinding(t, r, "clock", Warning, []int{3}, "5s ahead of the time that all agree on")
	assertFinding(t, r, "clock", Warning, []int{4}, "5s behind the time that all agree on")
	assert.InDelta(t, 5000, r.Nodes[2].Clock.OffsetLowMS, 100)
	assert.InDelta(t, -5000, r.Nodes[3].Clock.OffsetHighMS, 100)
}

func TestClockThatJumpsWhileWatched(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	needClocks(t, c)
	config := quick(urls(c, "")...)
	config.Duration = 2 * time.Second
	jumped := false
	config.Progress = func(time.Duration) {
		if !jumped {
			_, err := c.Node(1).JumpClock(t.Context(), 5*time.Second)
			require.NoError(t, err)
			jumped = true
		}
	}
	r := diagnose(t, config)
	require.True(t, jumped)
	assertFinding(t, r, "clock", Warning, []int{2}, "contradicted a steady clock 1 time ")
	assertFinding(t, r, "clock", OK, []int{1, 3}, "steady, and within")
	assert.Equal(t, 1, r.Nodes[1].Clock.Jumps)
}

func TestClockThatRunsFast(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	needClocks(t, c)
	// On a busy machine the harness may need a second try to prove the rate.
	require.Eventually(t, func() bool {
		_, err := c.Node(1).SetClockRate(t.Context(), 1.05)
		return err == nil
	}, 40*time.Second, 10*time.Millisecond)
	// With a short TTL the monitor finds out soon; with a long one it has seen nothing yet, and
	// the average must be enough.
	for _, ttl := range []time.Duration{time.Second, time.Hour} {
		config := quick(urls(c, "")...)
		config.TTL, config.Duration = ttl, 2*time.Second
		r := diagnose(t, config)
		f := assertFinding(t, r, "rate", Error, []int{2}, "% faster than ours, beyond the drift factor (0.01)")
		assert.Regexp(t, `runs at least (5\.0|4\.\d)`, f.Found)
		assert.Empty(t, of(&Report{Findings: findingsOn(r, 2)}, "clock"), "it doesn't jump")
	}
}

func findingsOn(r *Report, node int) []Finding {
	var some []Finding
	for _, f := range r.Findings {
		for _, n := range f.Nodes {
			if n == node && f.Level != OK {
				some = append(some, f)
			}
		}
	}
	return some
}
