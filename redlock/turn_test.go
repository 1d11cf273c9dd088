package redlock_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestGoroutinesOfAProcessAreServedInTurn(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		held, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		var order []int // guarded by the lock
		var waiting sync.WaitGroup
		cancelled, cancel := context.WithCancel(t.Context())
		for i := range 20 {
			waiting.Go(func() {
				ctx := t.Context()
				if i%2 == 1 {
					ctx = cancelled
				}
				lk, err := l.Lock(ctx, "job")
				if i%2 == 1 {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				if assert.NoError(t, err) {
					order = append(order, i)
					assert.NoError(t, lk.Unlock(ctx))
				}
			})
			time.Sleep(ms)
		}
		cancel()
		synctest.Wait()
		begun := time.Now()
		require.NoError(t, held.Unlock(t.Context()))
		waiting.Wait()
		assert.Equal(t, []int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}, order)
		assert.Less(t, time.Since(begun), 100*ms, "the next one asks as soon as the lock is given back")
	})
}

// Without that the first would find out by its next attempt, up to 256 ms later.
func TestUnlockWakesTheFirstInLine(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for range 10 {
			held, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			var waiting sync.WaitGroup
			var got time.Time
			waiting.Go(func() {
				lk, err := l.Lock(t.Context(), "job")
				got = time.Now()
				if assert.NoError(t, err) {
					assert.NoError(t, lk.Unlock(t.Context()))
				}
			})
			time.Sleep(5 * time.Second) // the pauses have grown
			begun := time.Now()
			require.NoError(t, held.Unlock(t.Context()))
			waiting.Wait()
			require.Less(t, got.Sub(begun), 10*ms)
		}
	})
}

func TestLockedOutWaiterSaysItWasInLine(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		_, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := make(chan error, 1)
		go func() { _, err := l.Lock(ctx, "job"); first <- err }()
		synctest.Wait()
		_, err = l.Lock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, redlock.ErrNotAcquired, "it never asked")
		assert.ErrorContains(t, err, "behind others of this process")
		require.ErrorIs(t, <-first, redlock.ErrNotAcquired)
	})
}
