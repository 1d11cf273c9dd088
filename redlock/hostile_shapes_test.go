package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A lock that another name kept from being handed out protected no work, so AtLeast doesn't count.
func TestNoneOfLockAllIsKept(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		_, err := other.TryLock(t.Context(), "z", redlock.AutoRenew(true))
		require.NoError(t, err)
		_, err = l.TryLockAll(t.Context(), []string{"a", "z"}, redlock.AtLeast(time.Hour))
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		_, err = other.TryLock(t.Context(), "a")
		require.NoError(t, err)
	})
}

// An error that tells of another lock's loss isn't the loss of the office.
func TestLeadReturnsAnErrorThatTellsOfAnotherLoss(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		terms := 0
		elsewhere := fmt.Errorf("inner: %w", redlock.ErrLost)
		err := l.Lead(ctx, "office", func(context.Context, *redlock.Lock) error { terms++; return elsewhere })
		require.ErrorIs(t, err, elsewhere)
		require.NoError(t, ctx.Err(), "at once")
		require.Equal(t, 1, terms)
	})
}

// Work that holds all slots of a name, and asks for one more, would wait for itself.
func TestNestedDoSlotIsAnErrorAtOnce(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		nothing := func(context.Context, *redlock.Lock) error { return nil }
		for slots := 1; slots <= 3; slots++ {
			var nest func(ctx context.Context, depth int) error
			nest = func(ctx context.Context, depth int) error {
				if depth > slots {
					return l.DoSlot(ctx, "pool", slots, nothing)
				}
				return l.DoSlot(ctx, "pool", slots, func(ctx context.Context, _ *redlock.Lock) error { return nest(ctx, depth+1) })
			}
			err := nest(ctx, 1)
			require.ErrorIs(t, err, redlock.ErrReentrant, "%d slots", slots)
			require.ErrorContains(t, err, fmt.Sprintf("all %d slots", slots))
			require.NoError(t, ctx.Err(), "at once")
		}
		// Another work's slots aren't this one's.
		require.NoError(t, l.DoSlot(ctx, "pool", 2, func(ctx context.Context, _ *redlock.Lock) error {
			return l.DoSlot(ctx, "pool", 2, nothing)
		}))
		require.NoError(t, l.DoSlot(ctx, "pool", 1, func(ctx context.Context, _ *redlock.Lock) error {
			return l.DoSlot(ctx, "other", 1, nothing)
		}))
	})
}

// One hook's panic doesn't keep the next from hearing.
func TestPanicOfOneHookLeavesTheOthers(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var d diary
		bad := redlock.WithHooks(redlock.Hooks{
			Lost: func(redlock.Event) { panic("lost") },
			Done: func(_ context.Context, e redlock.Event) {
				if e.Kind == "release" {
					panic("done")
				}
			},
		})
		l := join(t, q, "a", bad, d.hooks(t))
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.ErrorIs(t, context.Cause(lk.Context()), redlock.ErrLost)
		lk, err = l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.PanicsWithValue(t, "done", func() { _ = lk.Unlock(t.Context()) })
		time.Sleep(time.Second)
		d.mu.Lock()
		defer d.mu.Unlock()
		require.Len(t, d.lost, 1)
		require.Len(t, d.dones, 3)
		require.Equal(t, "release", d.dones[2].Kind)
	})
}

// Values that make no sense are refused before anything is asked, and with the limit; none panics or hangs.
func TestValuesThatMakeNoSense(t *testing.T) {
	const huge = time.Duration(1<<63 - 1)
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for what, opt := range map[string]redlock.LockOption{
			"TTL(0)": redlock.TTL(0), "TTL(-1)": redlock.TTL(-1), "TTL(huge)": redlock.TTL(huge), "TTL(1ns)": redlock.TTL(1),
			"AtLeast(-1)": redlock.AtLeast(-1), "AtLeast(huge)": redlock.AtLeast(huge),
			"MaxHold(0)": redlock.MaxHold(0), "MaxHold(-1)": redlock.MaxHold(-1),
		} {
			_, err := l.TryLock(ctx, "job", opt)
			require.ErrorIs(t, err, redlock.ErrInvalidOption, what)
			_, err = l.LockAll(ctx, []string{"a", "job"}, opt)
			require.ErrorIs(t, err, redlock.ErrInvalidOption, what)
			require.ErrorIs(t, l.Lead(ctx, "job", nil, opt), redlock.ErrInvalidOption, what)
			_, err = l.LockSlot(ctx, "job", 3, opt)
			require.ErrorIs(t, err, redlock.ErrInvalidOption, what)
		}
		for _, slots := range []int{0, -1, 1001, 1 << 62} {
			_, err := l.LockSlot(ctx, "job", slots)
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
		}
		for _, names := range [][]string{nil, {}, {""}, {"job", ""}, {"job", "x:fence"}} {
			_, err := l.LockAll(ctx, names)
			require.ErrorIs(t, err, redlock.ErrInvalidName, "%q", names)
		}
		lk, err := l.TryLock(ctx, "job", redlock.MaxHold(huge))
		require.NoError(t, err)
		for _, ttl := range []time.Duration{0, -1, 1, huge} {
			require.ErrorIs(t, lk.ExtendTo(ctx, ttl), redlock.ErrInvalidOption, "%v", ttl)
		}
		require.True(t, lk.Valid())
		for token, fence := range map[string]int64{"": lk.Fence(), "xyz": lk.Fence(), lk.Token(): 0, lk.Token()[:31]: lk.Fence()} {
			_, err := l.Resume(ctx, "job", token, fence)
			require.ErrorIs(t, err, redlock.ErrInvalidOption, "%q %d", token, fence)
		}
		for _, fence := range []int64{-1, 1 << 53, 1<<63 - 1} {
			_, err := l.Resume(ctx, "job", lk.Token(), fence)
			require.ErrorIs(t, err, redlock.ErrInvalidOption, "%d", fence)
		}
		require.NoError(t, lk.Unlock(ctx))
		require.NoError(t, ctx.Err())
	})
}

// A function that panics gives its locks back, whatever shape it runs in.
func TestShapesGiveBackOnPanic(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		boom := func(context.Context, *redlock.Lock) error { panic("boom") }
		for what, run := range map[string]func(){
			"DoAll": func() {
				_ = l.DoAll(t.Context(), []string{"x", "y"}, func(context.Context, *redlock.Locks) error { panic("boom") })
			},
			"DoSlot": func() { _ = l.DoSlot(t.Context(), "x", 1, boom) },
			"Lead":   func() { _ = l.Lead(t.Context(), "x", boom) },
			"nil":    func() { _ = l.Do(t.Context(), "x", nil) },
		} {
			assert.Panics(t, run, what)
			for _, name := range []string{"x", "y", "x:slot:1"} {
				lk, err := other.TryLock(t.Context(), name)
				require.NoError(t, err, "%s: %s", what, name)
				require.NoError(t, lk.Unlock(t.Context()))
			}
		}
		require.NoError(t, l.Shutdown(t.Context()), "nothing is counted as running")
	})
}

// Two halves of a cancelled wait leave nothing, and the context's error is told.
func TestCancelledShapesLeaveNothing(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		held, err := other.LockAll(t.Context(), []string{"m", "pool:slot:1"}, redlock.AutoRenew(true))
		require.NoError(t, err)
		for what, wait := range map[string]func(context.Context) error{
			"LockAll":  func(ctx context.Context) error { _, err := l.LockAll(ctx, []string{"a", "m", "z"}); return err },
			"LockSlot": func(ctx context.Context) error { _, err := l.LockSlot(ctx, "pool", 1); return err },
			"Lead":     func(ctx context.Context) error { return l.Lead(ctx, "m", nil) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			err := wait(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, what)
			require.ErrorIs(t, err, redlock.ErrNotAcquired, what)
			cause := errors.New("gone home")
			early, stop := context.WithCancelCause(t.Context())
			stop(cause)
			require.ErrorIs(t, wait(early), context.Canceled, what)
		}
		time.Sleep(time.Second)
		for _, name := range []string{"a", "z"} {
			_, taken := q.Holder(name)
			require.False(t, taken, name)
		}
		require.NoError(t, held.Unlock(t.Context()))
	})
}
