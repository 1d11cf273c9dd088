package redlock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestLockWaits(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		holder, l := join(t, q, "holder"), join(t, q, "a")
		held, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.AfterFunc(3*time.Second, func() { assert.NoError(t, held.Unlock(context.Background())) })
		begun := time.Now()
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.InDelta(t, 3*time.Second, time.Since(begun), float64(300*ms))
		assert.Greater(t, lk.Fence(), held.Fence())
	})
}

func TestLockStopsWithItsContextAndSaysWhatItSaw(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		_, err := join(t, q, "holder").TryLock(t.Context(), "job")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err = join(t, q, "a").Lock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		assert.Contains(t, err.Error(), "held for ")
		assert.Equal(t, time.Second, time.Since(begun))
	})
}

func TestContendersAllGetTheirTurn(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		var mu sync.Mutex
		inside, fence := false, int64(0)
		var wg sync.WaitGroup
		for i := range 8 {
			l := join(t, q, fmt.Sprintf("client %d", i))
			wg.Go(func() {
				for range 5 {
					lk, err := l.Lock(t.Context(), "job")
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					assert.False(t, inside, "two at once")
					assert.Greater(t, lk.Fence(), fence)
					inside, fence = true, lk.Fence()
					mu.Unlock()
					time.Sleep(2 * ms)
					mu.Lock()
					inside = false
					mu.Unlock()
					assert.NoError(t, lk.Unlock(t.Context()))
				}
			})
		}
		wg.Wait()
	})
}
