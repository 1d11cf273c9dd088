package redlock_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Nobody is refused and no attempt's time runs while it waits to begin.
func TestAttemptsWaitForRoom(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		use(t, l, "warm-up")
		q.Node(0).Pause()
		q.Node(1).Pause()
		var all sync.WaitGroup
		attempt := func(ctx context.Context, want error) {
			all.Go(func() {
				_, err := l.TryLock(ctx, "job")
				assert.ErrorIs(t, err, want)
			})
		}
		for range 128 {
			attempt(t.Context(), redlock.ErrNoQuorum)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*ms)
		defer cancel()
		_, err := l.TryLock(ctx, "another job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "not begun, since 128 other attempts")
		begun := time.Now()
		attempt(t.Context(), redlock.ErrNoQuorum)
		all.Wait()
		assert.Greater(t, time.Since(begun), 250*ms, "the last one had its time when the others' was over")
		q.Node(0).Resume()
		q.Node(1).Resume()
		time.Sleep(2 * time.Second) // the releases
		use(t, l, "another job")
	})
}

// counter counts the exchanges of a client.
type counter struct{ atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.Add(1); return next(ctx, cmds) }
}

func TestNothingIsReleasedWhereItWasRefused(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		holder := join(t, q, "holder")
		lk, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		m := q.Member("a")
		var exchanges counter
		clients := m.Clients()
		for _, c := range clients {
			c.(*redis.Client).AddHook(&exchanges)
		}
		l := open(t, clients, redlock.WithClock(m.Clock()))
		use(t, l, "warm-up")
		time.Sleep(time.Second)
		exchanges.Store(0)
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		time.Sleep(time.Second)
		// Two refusals decide; what the third voter will say isn't known then.
		assert.Equal(t, int64(3+1), exchanges.Load())
		require.NoError(t, lk.Unlock(t.Context()))
	})
}
