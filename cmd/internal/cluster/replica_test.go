package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplicaMissesLaterWrites(t *testing.T) {
	onBoth(t, Config{Nodes: 2}, func(t *testing.T, ctx context.Context, c *Cluster) {
		n := c.Node(0)
		before, err := n.RunID(ctx)
		require.NoError(t, err)
		set(t, ctx, n, "old", "1", time.Minute)
		proof, err := n.Replicate(ctx)
		require.NoError(t, err)
		assert.Contains(t, proof.String(), "node A has a replica")
		set(t, ctx, n, "new", "1", time.Minute)
		set(t, ctx, n, "old", "2", time.Minute)

		proof, err = n.Failover(ctx)
		require.NoError(t, err)
		assert.Contains(t, proof.String(), "node A failed over to its replica")
		assert.True(t, n.Running())
		after, err := n.RunID(ctx)
		require.NoError(t, err)
		assert.NotEqual(t, before, after)
		assertValue(t, ctx, n, "old", "1")
		assertGone(t, ctx, n, "new")
		set(t, ctx, n, "writable", "1", time.Minute)

		_, err = n.Failover(ctx)
		require.ErrorIs(t, err, ErrUnsupported, "a replica takes over once")
		_, err = n.Replicate(ctx)
		require.NoError(t, err, "and the node may have another")
		_, err = n.Failover(ctx)
		require.NoError(t, err)
		assertValue(t, ctx, n, "writable", "1")
	})
}

func TestFailoverOfADeadNodeAndItsClock(t *testing.T) {
	onBoth(t, Config{Nodes: 1}, func(t *testing.T, ctx context.Context, c *Cluster) {
		n := c.Node(0)
		_, err := n.Replicate(ctx)
		require.NoError(t, err)
		if n.ClockControl() == nil {
			_, err = n.JumpClock(ctx, time.Hour)
			require.NoError(t, err)
		}
		_, err = n.Kill(ctx)
		require.NoError(t, err)
		_, err = n.Replicate(ctx)
		require.ErrorIs(t, err, ErrNotRunning)
		_, err = n.Failover(ctx)
		require.NoError(t, err)
		if n.ClockControl() == nil {
			assertOffset(t, ctx, n, time.Hour)
		}
	})
}

func TestCloseEndsReplicas(t *testing.T) {
	needRedis(t)
	isolateTemp(t)
	c, err := Start(testContext(t), Config{Backend: Redis, Nodes: 1})
	require.NoError(t, err)
	for range 2 {
		_, err = c.Node(0).Replicate(testContext(t))
		require.NoError(t, err)
	}
	p := c.Node(0).(*serverNode).replica.process
	require.NoError(t, c.Close())
	assert.False(t, p.running())
	assertTempEmpty(t)
}
