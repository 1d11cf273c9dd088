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
		l := join(t, q, "a")
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
		assert.InDelta(t, 10, time.Since(begun).Seconds(), 2, "also when the locker is gone")

		for opts, complaint := range map[string][]redlock.LockOption{
			"longer than half of the fence life": {redlock.AtLeast(13 * time.Hour)},
			"longer than MaxHold(1s)":            {redlock.AtLeast(time.Minute), redlock.MaxHold(time.Second)},
			"use more than 0":                    {redlock.AtLeast(-1)},
		} {
			_, err = other.TryLock(t.Context(), "x", complaint...)
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
			assert.ErrorContains(t, err, opts)
		}
	})
}

// A holder that dies is replaced after the TTL, however long its lock would have been kept.
func TestAtLeastLeavesTheTTL(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		begun := time.Now()
		_, err := l.TryLock(t.Context(), "job", redlock.AtLeast(time.Hour))
		require.NoError(t, err)
		_, err = other.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.InDelta(t, 10, time.Since(begun).Seconds(), 2)
	})
}

// A voter that has forgotten what it was to keep doesn't vote before that is over.
func TestAtLeastOutlivesARestart(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		q.Node(2).Crash() // so that two voters know of it, and one of them forgets
		begun := time.Now()
		lk, err := l.TryLock(t.Context(), "job", redlock.AtLeast(5*time.Minute))
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		require.NoError(t, l.Close())
		q.Node(2).Restart(true)
		q.Node(1).Crash()
		q.Node(1).Restart(false)
		_, err = other.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(begun), 5*time.Minute)
	})
}

func TestAtLeastThatAMajorityDoesntHearOf(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var told []string
		l := join(t, q, "a", onDone(func(e redlock.Event) { told = append(told, e.Kind+" "+e.Result()) }))
		lk, err := l.TryLock(t.Context(), "job", redlock.AtLeast(time.Minute))
		require.NoError(t, err)
		q.Node(0).Pause()
		q.Node(1).Pause()
		require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrNoQuorum)
		assert.False(t, lk.Valid())
		assert.Equal(t, []string{"acquire ok", "release no quorum"}, told)
		q.Node(0).Resume()
		q.Node(1).Resume()
	})
}
