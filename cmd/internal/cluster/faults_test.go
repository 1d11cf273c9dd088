package cluster

import (
	"context"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPausedNodeServesWhatPiledUp(t *testing.T) {
	onBoth(t, Config{Nodes: 2}, func(t *testing.T, ctx context.Context, c *Cluster) {
		n := c.Node(0)
		// A connection that is open already: on a new one the client waits for its handshake
		// and never sends the request.
		set(t, ctx, n, "before", "1", time.Minute)
		proof, err := n.Pause(ctx)
		require.NoError(t, err)
		assert.Contains(t, proof.String(), "node A paused")
		assert.True(t, n.Running(), "a stopped server exists")

		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err = n.Command(short, "SET", "ghost", "1", "PX", 60000)
		require.Error(t, err)
		assert.Less(t, time.Since(began), time.Second, "a stopped node hung the harness")
		set(t, ctx, c.Node(1), "other", "1", time.Minute)

		_, err = n.Resume(ctx)
		require.NoError(t, err)
		assert.Eventually(t, func() bool {
			_, found, err := n.Value(ctx, "ghost")
			return err == nil && found
		}, 2*time.Second, 5*time.Millisecond, "the request that timed out is applied after the pause")
	})
}

func TestRestart(t *testing.T) {
	for _, memory := range []Memory{Keep, Lose} {
		t.Run(string(memory), func(t *testing.T) {
			onBoth(t, Config{Nodes: 1, Persistence: Always}, func(t *testing.T, ctx context.Context, c *Cluster) {
				n := c.Node(0)
				before, err := n.RunID(ctx)
				require.NoError(t, err)
				set(t, ctx, n, "lock", "token", time.Minute)

				_, err = n.Kill(ctx)
				require.NoError(t, err)
				assert.False(t, n.Running())
				_, err = n.RunID(ctx)
				require.ErrorIs(t, err, ErrNotRunning)
				_, err = n.Kill(ctx)
				require.ErrorIs(t, err, ErrNotRunning)

				proof, err := n.Restart(ctx, memory)
				require.NoError(t, err)
				after, err := n.RunID(ctx)
				require.NoError(t, err)
				assert.NotEqual(t, before, after)
				assert.Contains(t, proof.After, after[:8])
				if memory == Keep {
					assertValue(t, ctx, n, "lock", "token")
				} else {
					assertGone(t, ctx, n, "lock")
				}
			})
		})
	}
}

// goesBack are the persistences that lose writes, with the memory after it.
var goesBack = map[Persistence]Memory{EverySecond: PowerLoss, Snapshots: Snapshot}

func TestRestartFromACheckpointForgetsLaterWritesOnly(t *testing.T) {
	for log, memory := range goesBack {
		t.Run(string(memory), func(t *testing.T) {
			onBoth(t, Config{Nodes: 1, Persistence: log}, func(t *testing.T, ctx context.Context, c *Cluster) {
				n := c.Node(0)
				set(t, ctx, n, "synced", "1", time.Minute)
				_, err := n.Command(ctx, "HSET", "marker", "run", "4711")
				require.NoError(t, err)
				_, err = n.Checkpoint(ctx)
				require.NoError(t, err)
				set(t, ctx, n, "synced", "2", time.Hour)
				set(t, ctx, n, "unsynced", "1", time.Minute)
				_, err = n.Kill(ctx)
				require.NoError(t, err)
				proof, err := n.Restart(ctx, memory)
				require.NoError(t, err)
				assert.Contains(t, proof.String(), "node A restarted, memory: "+string(memory))
				assertValue(t, ctx, n, "synced", "1")
				assertGone(t, ctx, n, "unsynced")
				assertSameMarkerAndTTL(t, ctx, n)

				_, err = n.Restart(ctx, Lose)
				require.NoError(t, err)
				assertGone(t, ctx, n, "synced")
			})
		})
	}
}

func assertSameMarkerAndTTL(t *testing.T, ctx context.Context, n Node) {
	t.Helper()
	run, err := n.Command(ctx, "HGET", "marker", "run")
	require.NoError(t, err)
	assert.Equal(t, "4711", run)
	left, err := n.Command(ctx, "PTTL", "synced")
	require.NoError(t, err)
	assert.Greater(t, left, int64(30_000))
	assert.LessOrEqual(t, left, int64(60_000))
}

func TestPowerLossIsHonest(t *testing.T) {
	onBoth(t, Config{Nodes: 1, Persistence: EverySecond}, func(t *testing.T, ctx context.Context, c *Cluster) {
		n := c.Node(0)
		_, err := n.Checkpoint(ctx)
		require.NoError(t, err)
		require.NoError(t, wait.For(ctx, maxLoss+10*time.Millisecond))
		_, err = n.Restart(ctx, PowerLoss)
		require.ErrorIs(t, err, ErrUnsupported, "Redis never loses more than about a second")
		assert.True(t, n.Running(), "and the server wasn't killed for it")
	})
	onBoth(t, Config{Nodes: 1, Persistence: Always}, func(t *testing.T, ctx context.Context, c *Cluster) {
		_, err := c.Node(0).Restart(ctx, PowerLoss)
		require.ErrorIs(t, err, ErrUnsupported)
	})
}

func TestRestartRefusesAMemoryThatIsNotThere(t *testing.T) {
	onBoth(t, Config{Nodes: 1}, func(t *testing.T, ctx context.Context, c *Cluster) {
		for _, memory := range []Memory{Keep, PowerLoss, Snapshot} {
			_, err := c.Node(0).Restart(ctx, memory)
			require.ErrorIs(t, err, ErrUnsupported, "%s", memory)
		}
		_, err := c.Node(0).Restart(ctx, "some")
		require.ErrorContains(t, err, `memory "some": give one of`)
		_, err = c.Node(0).Checkpoint(ctx)
		require.ErrorIs(t, err, ErrUnsupported)
		assert.True(t, c.Node(0).Running())
	})
}

func TestFlush(t *testing.T) {
	onBoth(t, Config{Nodes: 1}, func(t *testing.T, ctx context.Context, c *Cluster) {
		set(t, ctx, c.Node(0), "lock", "token", time.Minute)
		proof, err := c.Node(0).Flush(ctx)
		require.NoError(t, err)
		assert.NotEqual(t, "0 keys", proof.Before)
		assert.Equal(t, "0 keys", proof.After)
		assertGone(t, ctx, c.Node(0), "lock")
	})
}

func TestClock(t *testing.T) {
	onBoth(t, Config{Nodes: 2, Persistence: Always}, func(t *testing.T, ctx context.Context, c *Cluster) {
		need(t, c.Node(0).ClockControl())
		testClock(t, ctx, c)
	})
}

func testClock(t *testing.T, ctx context.Context, c *Cluster) {
	n := c.Node(0)
	require.NoError(t, n.ClockControl())
	assertOffset(t, ctx, n, 0)
	set(t, ctx, n, "lock", "token", 30*time.Second)

	proof, err := n.JumpClock(ctx, -20*time.Second)
	require.NoError(t, err)
	assert.Contains(t, proof.String(), "node A clock jumped by -20s (TIME against the host's clock:")
	assertOffset(t, ctx, n, -20*time.Second)
	left, err := n.Command(ctx, "PTTL", "lock")
	require.NoError(t, err)
	assert.InDelta(t, 50_000, left, 2000, "a backward jump lengthens what is left")

	_, err = n.JumpClock(ctx, 60*time.Second)
	require.NoError(t, err)
	assertOffset(t, ctx, n, 40*time.Second)
	assertGone(t, ctx, n, "lock")
	assertOffset(t, ctx, c.Node(1), 0)

	_, err = n.SetClockRate(ctx, 3)
	require.NoError(t, err)
	rate, err := measureRate(ctx, n, rateTolerance)
	require.NoError(t, err)
	assert.InDelta(t, 3, rate, 0.05)
	_, err = n.SetClockRate(ctx, 1)
	require.NoError(t, err)
	drifted, _, err := offsetOf(ctx, n.Time)
	require.NoError(t, err)
	assert.Greater(t, drifted, 40*time.Second, "going back to rate 1 doesn't undo the drift")
	assert.Less(t, drifted, 50*time.Second, "and a change of rate isn't a jump")

	_, err = n.Restart(ctx, Keep)
	require.NoError(t, err)
	assertOffset(t, ctx, n, drifted)
}

// TestASmallDriftIsSeen shows that a rate within what locks allow for is told from the host's own.
func TestASmallDriftIsSeen(t *testing.T) {
	onBoth(t, Config{Nodes: 1}, func(t *testing.T, ctx context.Context, c *Cluster) {
		n := c.Node(0)
		if n.ClockControl() != nil {
			return // the other tests say whether that's allowed
		}
		_, err := n.SetClockRate(ctx, 1.006)
		require.NoError(t, err)
		_, err = proveRate(ctx, n, 0.994, func() error { return nil })
		require.ErrorIs(t, err, ErrNotProven)
		_, err = n.SetClockRate(ctx, 1)
		require.NoError(t, err)
		_, err = proveRate(ctx, n, 1.006, func() error { return nil })
		require.ErrorIs(t, err, ErrNotProven, "nothing was done")
	})
}

func TestClockRefusesNonsense(t *testing.T) {
	onBoth(t, Config{Nodes: 1}, func(t *testing.T, ctx context.Context, c *Cluster) {
		for _, rate := range []float64{0, -1, maxClockRate + 1} {
			_, err := c.Node(0).SetClockRate(ctx, rate)
			require.ErrorContains(t, err, "clock rate of", "%v", rate)
		}
		for _, d := range []time.Duration{0, maxClockJump + 1} {
			_, err := c.Node(0).JumpClock(ctx, d)
			require.ErrorContains(t, err, "clock jump of", "%v", d)
		}
	})
}

func TestWithoutAClockToolTheFaultIsUnsupported(t *testing.T) {
	needRedis(t)
	isolateTemp(t)
	server, err := exec.LookPath("redis-server")
	require.NoError(t, err)
	none := func(context.Context, string) (clockTool, error) { return nil, ErrUnsupported }
	c, err := startRedis(testContext(t), Config{Backend: Redis, Nodes: 1, StartTimeout: defaultStartTimeout}, none)
	require.NoError(t, err, "%s runs without one", server)
	defer c.Close()
	require.ErrorIs(t, c.Node(0).ClockControl(), ErrUnsupported)
	_, err = c.Node(0).JumpClock(t.Context(), time.Second)
	require.ErrorIs(t, err, ErrUnsupported)
	_, err = c.Node(0).SetClockRate(t.Context(), 2)
	require.ErrorIs(t, err, ErrUnsupported)
}

func TestAJumpThatDoesNotHappenIsNotProven(t *testing.T) {
	n := start(t, Config{Backend: Embedded, Nodes: 1}).Node(0)
	_, err := proveJump(testContext(t), n, time.Second, func() error { return nil })
	require.ErrorIs(t, err, ErrNotProven)
	_, err = proveRate(testContext(t), n, 2, func() error { return nil })
	require.ErrorIs(t, err, ErrNotProven)
}

// lateNode answers TIME late: it reads its clock, and then holds the reply back.
type lateNode struct {
	Node
	by []time.Duration // what's left of it, for the questions to come
}

func (n *lateNode) Time(ctx context.Context) (time.Time, error) {
	now, err := n.Node.Time(ctx)
	if len(n.by) > 0 {
		time.Sleep(n.by[0])
		n.by = n.by[1:]
	}
	return now, err
}

func TestAJumpReadsAsWhatItWasHoweverLateTheAnswers(t *testing.T) {
	const late = 12 * time.Millisecond
	for name, by := range map[string][]time.Duration{
		"one late answer": {late},
		"all of them":     slices.Repeat([]time.Duration{late}, readings),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := testContext(t)
			n := &lateNode{Node: start(t, Config{Backend: Embedded, Nodes: 1}).Node(0)}
			proof, err := proveJump(ctx, n, 10*time.Second, func() error {
				n.by = by
				_, err := n.Node.JumpClock(ctx, 10*time.Second)
				return err
			})
			require.NoError(t, err)
			assert.Equal(t, "+10s", proof.Change.Detail)
		})
	}
}

func TestPauseProcess(t *testing.T) {
	ctx := testContext(t)
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	pid := cmd.Process.Pid
	proof, err := PauseProcess(ctx, pid)
	require.NoError(t, err)
	assert.Equal(t, "state T", proof.After)
	assert.Less(t, proof.Began, proof.Seen)
	proof, err = ResumeProcess(ctx, pid)
	require.NoError(t, err)
	assert.Equal(t, "state T", proof.Before)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	_, err = PauseProcess(ctx, pid)
	require.Error(t, err, "it's gone")
	_, err = PauseProcess(ctx, 0)
	require.ErrorContains(t, err, "process id 0", "0 would be the harness's own group")
}

func assertOffset(t *testing.T, ctx context.Context, n Node, want time.Duration) {
	t.Helper()
	offset, bound, err := offsetOf(ctx, n.Time)
	require.NoError(t, err)
	assert.InDelta(t, want, offset, float64(100*time.Millisecond+bound))
}
