package redlock_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Of k slots, k are held at most and k at least where more want one.
func TestSlots(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var busy, most atomic.Int32
		done := make(chan error)
		for i := range 6 {
			l := join(t, q, string(rune('a'+i)))
			go func() {
				done <- l.DoSlot(t.Context(), "pool", 3, func(context.Context, *redlock.Lock) error {
					most.Store(max(most.Load(), busy.Add(1)))
					time.Sleep(time.Second)
					busy.Add(-1)
					return nil
				})
			}()
		}
		for range 6 {
			require.NoError(t, <-done)
		}
		assert.EqualValues(t, 3, most.Load())
		l := join(t, q, "x")
		names := map[string]bool{}
		for range 3 {
			lk, err := l.TrySlot(t.Context(), "pool", 3)
			require.NoError(t, err)
			names[lk.Name()] = true
		}
		assert.Equal(t, map[string]bool{"pool:slot:1": true, "pool:slot:2": true, "pool:slot:3": true}, names)
		_, err := l.TrySlot(t.Context(), "pool", 3)
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = l.LockSlot(ctx, "pool", 3)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = l.LockSlot(t.Context(), "pool", 0)
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
		lk, err := l.LockSlot(t.Context(), "pool", 3)
		require.NoError(t, err, "they run out")
		require.NoError(t, lk.Unlock(t.Context()))
		go func() { time.Sleep(time.Second); _ = l.Close() }()
		for range 3 {
			_, _ = l.TrySlot(t.Context(), "pool", 3)
		}
		_, err = l.LockSlot(t.Context(), "pool", 3)
		require.ErrorIs(t, err, redlock.ErrClosed)
	})
}
