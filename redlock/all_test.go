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

func TestLockAllIsAllOrNone(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		ls, err := l.TryLockAll(t.Context(), []string{"c", "a", "b", "a"})
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c"}, ls.Names())
		assert.True(t, ls.Valid())
		for _, name := range ls.Names() {
			assert.Equal(t, ls.Lock(name).Fence(), ls.Fence(name))
			assert.Positive(t, ls.Fence(name))
		}
		assert.Zero(t, ls.Fence("d"))
		time.Sleep(time.Second)
		_, err = other.TryLockAll(t.Context(), []string{"0", "b"})
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "0"), "none")
		require.NoError(t, ls.Extend(t.Context()))
		require.NoError(t, ls.Unlock(t.Context()))
		<-ls.Context().Done()
		require.ErrorIs(t, context.Cause(ls.Context()), context.Canceled)
		assert.NotErrorIs(t, context.Cause(ls.Context()), redlock.ErrLost)
		_, err = other.TryLockAll(t.Context(), []string{"a", "b", "c"})
		require.NoError(t, err)
		_, err = l.LockAll(t.Context(), nil)
		require.ErrorIs(t, err, redlock.ErrInvalidName)
		_, err = l.TryLockAll(t.Context(), []string{"x", ""})
		require.ErrorIs(t, err, redlock.ErrInvalidName)
		assert.Zero(t, taken(q, "x"), "checked before the first is taken")
	})
}

// The first is held for much longer than its TTL while another is waited for, and not renewed after that.
func TestLockAllHoldsWhileItWaits(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		blocking, err := other.TryLock(t.Context(), "b", redlock.AutoRenew(true))
		require.NoError(t, err)
		time.AfterFunc(time.Minute, func() { assert.NoError(t, blocking.Unlock(context.Background())) })
		ls, err := l.LockAll(t.Context(), []string{"b", "a"})
		require.NoError(t, err)
		assert.Greater(t, ls.Remaining(), 6*time.Second)
		<-ls.Context().Done()
		require.ErrorIs(t, context.Cause(ls.Context()), redlock.ErrLost)
		assert.ErrorIs(t, ls.Unlock(t.Context()), redlock.ErrLost)
	})
}

// Nobody waits for another in a circle, and two never work on one name.
func TestDoAllHasNoDeadlock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		names := []string{"a", "b", "c", "d"}
		var busy [4]atomic.Int32
		done := make(chan error)
		for i := range 8 {
			l := join(t, q, string(rune('a'+i)), redlock.WithTTL(time.Second))
			go func() {
				for n := range 5 {
					first, second := (i+n)%4, (i+3*n+1)%4
					err := l.DoAll(t.Context(), []string{names[first], names[second]}, func(ctx context.Context, ls *redlock.Locks) error {
						for _, name := range ls.Names() {
							at := &busy[name[0]-'a']
							assert.EqualValues(t, 1, at.Add(1), name)
							defer at.Add(-1)
						}
						time.Sleep(100 * ms)
						return ctx.Err()
					})
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 8 {
			require.NoError(t, <-done)
		}
	})
}

func TestDoAllEndsWithTheFirstLoss(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		err := l.DoAll(t.Context(), []string{"a", "b"}, func(ctx context.Context, ls *redlock.Locks) error {
			require.NoError(t, ls.Lock("b").Unlock(t.Context()))
			time.Sleep(time.Second)
			assert.Error(t, ctx.Err())
			assert.True(t, ls.Lock("a").Valid())
			assert.False(t, ls.Valid())
			return nil
		})
		require.NoError(t, err, "released on purpose")
		err = l.DoAll(t.Context(), []string{"a", "b"}, func(ctx context.Context, _ *redlock.Locks) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, redlock.MaxHold(time.Second))
		require.ErrorIs(t, err, redlock.ErrHeldTooLong)
	})
}
