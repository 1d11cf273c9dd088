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

// startWork runs a function in Do that takes d to notice the end of its context. The channel gets
// what Do returns, when it does.
func startWork(t *testing.T, l *redlock.Locker, d time.Duration, causes *[]error) <-chan error {
	t.Helper()
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- l.Do(t.Context(), "job", func(ctx context.Context, lk *redlock.Lock) error {
			close(began)
			<-ctx.Done()
			time.Sleep(d)
			*causes = append(*causes, context.Cause(ctx))
			if !lk.Valid() {
				*causes = append(*causes, redlock.ErrLost)
			}
			return nil
		})
	}()
	<-began
	return done
}

// Functions in Do that take longer than the TTL to end are still protected, and their locks released.
func TestShutdownLetsWorkEnd(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		var causes []error
		done := startWork(t, l, 5*time.Second, &causes)
		waiting := make(chan error, 1)
		go func() { _, err := l.Lock(t.Context(), "job"); waiting <- err }()
		time.Sleep(time.Second)
		begun := time.Now()
		require.NoError(t, l.Shutdown(t.Context()))
		assert.InDelta(t, 5, time.Since(begun).Seconds(), 0.2)
		require.NoError(t, <-done)
		assert.ErrorIs(t, <-waiting, redlock.ErrClosed)
		require.Len(t, causes, 1)
		assert.ErrorIs(t, causes[0], redlock.ErrClosed)
		assert.Zero(t, taken(q, "job"))
		assert.ErrorIs(t, l.Do(t.Context(), "job", nil), redlock.ErrClosed)
		require.NoError(t, l.Shutdown(t.Context()), "a second time")
	})
}

func TestShutdownIsBoundedByItsContext(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		var causes []error
		done := startWork(t, l, time.Minute, &causes)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := l.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "still running in Do")
		require.ErrorIs(t, <-done, redlock.ErrLost, "it wasn't renewed any more")
	})
}

// Close is short, but a function that ends at once gets its lock released.
func TestCloseDuringDoReleases(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		var causes []error
		done := startWork(t, l, 10*ms, &causes)
		require.NoError(t, l.Close())
		require.NoError(t, <-done)
		require.Len(t, causes, 1)
		assert.ErrorIs(t, causes[0], redlock.ErrClosed)
		assert.Zero(t, taken(q, "job"))
	})
}

func TestCloseWithinDo(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		begun := time.Now()
		require.NoError(t, l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return l.Close() }))
		assert.Less(t, time.Since(begun), time.Second)
	})
}

// An Unlock whose context is over releases in the background, and Close waits for that.
func TestCloseWaitsForReleasesInTheBackground(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Minute))
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, lk.Unlock(ctx))
		require.NoError(t, l.Close())
		assert.Zero(t, taken(q, "job"))
	})
}

// A hook that hears of a renewal may close the locker.
func TestCloseFromTheHookOfARenewal(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		closed := make(chan error, 1)
		var l *redlock.Locker
		l = join(t, q, "a", redlock.WithTTL(time.Second), onDone(func(e redlock.Event) {
			if e.Kind == "extend" {
				closed <- l.Close()
			}
		}))
		_, err := l.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		require.NoError(t, <-closed)
	})
}

func TestClose(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "held", redlock.AutoRenew(true))
		require.NoError(t, err)
		released, err := l.TryLock(t.Context(), "released")
		require.NoError(t, err)
		waiting := make(chan error, 1)
		go func() {
			_, err := l.Lock(t.Context(), "held")
			waiting <- err
		}()
		time.Sleep(time.Second)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_ = released.Unlock(cancelled)
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-waiting, redlock.ErrClosed)
		assert.Zero(t, taken(q, "released"), "what was to be released is")
		assert.Equal(t, 3, holders(q, "held", lk.Token()))
		assert.True(t, lk.Valid(), "held until its deadline")
		require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrClosed)
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrClosed)
		require.NoError(t, l.Close())
		<-lk.Context().Done()
	})
}
