package redlock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A renewed lock that its owner has forgotten ends, and another gets it at once.
func TestMaxHoldEndsAForgottenLock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		lk, err := l.TryLock(t.Context(), "job", redlock.AutoRenew(true), redlock.MaxHold(time.Minute))
		require.NoError(t, err)
		begun := time.Now()
		<-lk.Context().Done()
		assert.InDelta(t, 60, time.Since(begun).Seconds(), 0.01)
		cause := context.Cause(lk.Context())
		require.ErrorIs(t, cause, redlock.ErrHeldTooLong)
		require.ErrorIs(t, cause, redlock.ErrLost)
		assert.False(t, lk.Valid())
		assert.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrHeldTooLong)
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "job"))
		_, err = other.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrHeldTooLong)
		assert.Equal(t, 3, taken(q, "job"), "it's the other's now")
	})
}

func TestMaxHoldWithinTheTTL(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		err := l.Do(t.Context(), "job", func(ctx context.Context, lk *redlock.Lock) error {
			assert.LessOrEqual(t, lk.Remaining(), 2*time.Second)
			<-ctx.Done()
			return context.Cause(ctx)
		}, redlock.MaxHold(2*time.Second))
		require.ErrorIs(t, err, redlock.ErrHeldTooLong)
		// A lock that ends before that ends as always.
		lk, err := l.TryLock(t.Context(), "job", redlock.MaxHold(time.Hour))
		require.NoError(t, err)
		<-lk.Context().Done()
		assert.NotErrorIs(t, context.Cause(lk.Context()), redlock.ErrHeldTooLong)
		_, err = l.TryLock(t.Context(), "job", redlock.MaxHold(0))
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
		assert.ErrorContains(t, err, "MaxHold(0s)")
	})
}

func TestAtLeast(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second), redlock.WithMaxTTL(time.Minute))
		other := join(t, q, "b", redlock.WithMaxTTL(time.Minute))
		begun := time.Now()
		lk, err := l.TryLock(t.Context(), "job", redlock.AtLeast(20*time.Second))
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		assert.False(t, lk.Valid())
		assert.Less(t, time.Since(begun), time.Second)
		for time.Since(begun) < 19*time.Second {
			_, err = other.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Until(begun.Add(20*time.Second + 10*ms)))
		lk, err = other.TryLock(t.Context(), "job", redlock.TTL(30*time.Second), redlock.AtLeast(5*time.Second))
		require.NoError(t, err)
		time.Sleep(6 * time.Second)
		require.NoError(t, lk.Unlock(t.Context()))
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "job"), "it was long enough")

		begun = time.Now()
		require.NoError(t, l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return nil }, redlock.AtLeast(10*time.Second)))
		require.NoError(t, l.Close())
		_, err = other.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.InDelta(t, 10, time.Since(begun).Seconds(), 1, "also when the locker is gone")

		for opts, complaint := range map[string][]redlock.LockOption{
			"longer than the locker's MaxTTL 1m0s": {redlock.AtLeast(time.Hour)},
			"longer than MaxHold(1s)":              {redlock.AtLeast(time.Minute), redlock.MaxHold(time.Second)},
			"use more than 0":                      {redlock.AtLeast(-1)},
		} {
			_, err = other.TryLock(t.Context(), "x", complaint...)
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
			assert.ErrorContains(t, err, opts)
		}
	})
}
