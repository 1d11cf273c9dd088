package redlock_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Drivers read the deadline of a context, and whether it was that which ended it.
func TestDoPassesOnTheCallersDeadline(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want, _ := ctx.Deadline()
		err := l.Do(ctx, "job", func(ctx context.Context, lk *redlock.Lock) error {
			got, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, want, got)
			<-ctx.Done()
			assert.Equal(t, context.DeadlineExceeded, ctx.Err())
			assert.True(t, lk.Valid(), "that ended the work and not the lock")
			return ctx.Err()
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, l.Do(t.Context(), "job", func(ctx context.Context, _ *redlock.Lock) error {
			_, ok := ctx.Deadline()
			assert.False(t, ok)
			return nil
		}))
	})
}

func TestNestedDoIsAnErrorAtOnce(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		nothing := func(context.Context, *redlock.Lock) error { return nil }
		begun := time.Now()
		err := l.Do(t.Context(), "job", func(ctx context.Context, lk *redlock.Lock) error {
			require.NoError(t, l.Do(ctx, "another", func(ctx context.Context, _ *redlock.Lock) error {
				require.ErrorIs(t, l.Do(ctx, "job", nothing), redlock.ErrReentrant)
				return nil
			}))
			_, err := l.LockAll(ctx, []string{"a", "job"})
			require.ErrorIs(t, err, redlock.ErrReentrant)
			_, err = l.TryLock(ctx, "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)
			require.NoError(t, lk.Unlock(context.WithoutCancel(ctx)))
			return l.Do(context.WithoutCancel(ctx), "job", nothing) // it isn't held any more
		})
		require.NoError(t, err)
		assert.Less(t, time.Since(begun), time.Second)
	})
}

func TestNoLock(t *testing.T) {
	var lk *redlock.Lock
	var ls *redlock.Locks
	for _, err := range []error{lk.Unlock(t.Context()), lk.Extend(t.Context()), lk.ExtendTo(t.Context(), time.Second), ls.Unlock(t.Context()), ls.Extend(t.Context())} {
		require.ErrorIs(t, err, redlock.ErrLost)
		assert.ErrorContains(t, err, "there's no lock, since its acquisition failed")
	}
}

func TestDo(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		problem := errors.New("problem")

		require.NoError(t, l.Do(t.Context(), "job", func(ctx context.Context, lk *redlock.Lock) error {
			time.Sleep(10 * time.Second) // ten TTLs: it's renewed
			assert.True(t, lk.Valid())
			return ctx.Err()
		}))
		require.ErrorIs(t, l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return problem }), problem)
		assert.Panics(t, func() {
			_ = l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { panic("no") })
		})
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "job"), "released each time")

		ctx, cancel := context.WithCancel(t.Context())
		err := l.Do(ctx, "job", func(ctx context.Context, lk *redlock.Lock) error {
			cancel()
			<-ctx.Done()
			assert.True(t, lk.Valid(), "cancelled and not lost")
			return context.Cause(ctx)
		})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, redlock.ErrLost)

		err = l.Do(t.Context(), "job", func(ctx context.Context, _ *redlock.Lock) error {
			q.Node(0).Flush()
			q.Node(1).Flush()
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), redlock.ErrLost)
			return problem
		})
		require.ErrorIs(t, err, redlock.ErrLost)
		require.ErrorIs(t, err, problem)

		time.Sleep(2 * time.Second) // the emptied nodes vote again
		err = l.Do(t.Context(), "job", func(ctx context.Context, _ *redlock.Lock) error {
			q.Node(0).Flush()
			q.Node(1).Flush()
			<-ctx.Done()
			return context.Cause(ctx)
		})
		require.ErrorIs(t, err, redlock.ErrLost)
		assert.Equal(t, 1, strings.Count(err.Error(), "lock lost"), "said once: %v", err)
	})
}

func TestDoWithoutRenewal(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		err := l.Do(t.Context(), "job", func(ctx context.Context, _ *redlock.Lock) error {
			<-ctx.Done()
			return nil
		}, redlock.AutoRenew(false))
		require.ErrorIs(t, err, redlock.ErrLost)
	})
}
