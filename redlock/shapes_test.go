package redlock_test

import (
	"context"
	"errors"
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
			<-ctx.Done()
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

// A leader that is cut off stands again when it can, with a larger term, and never leads twice at once.
func TestLeadStandsAgain(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		a, b := join(t, q, "a", redlock.WithOwner("a")), join(t, q, "b", redlock.WithOwner("b"))
		owner, term, err := b.Leader(t.Context(), "office")
		require.NoError(t, err)
		assert.Empty(t, owner)
		assert.Zero(t, term)

		ctx, cancel := context.WithCancel(t.Context())
		type inauguration struct {
			who  string
			term int64
		}
		elected := make(chan inauguration, 10)
		ended := make(chan error, 2)
		var leading atomic.Int32
		stand := func(who string, l *redlock.Locker) {
			ended <- l.Lead(ctx, "office", func(ctx context.Context, lk *redlock.Lock) error {
				assert.EqualValues(t, 1, leading.Add(1), "two lead")
				defer leading.Add(-1)
				elected <- inauguration{who, lk.Fence()}
				<-ctx.Done()
				return ctx.Err()
			})
		}
		go stand("a", a)
		first := <-elected
		owner, term, err = b.Leader(t.Context(), "office")
		require.NoError(t, err)
		assert.Equal(t, inauguration{owner, term}, first)
		go stand("b", b)
		time.Sleep(time.Minute)
		for i := range 3 {
			q.Member("a").Link(i).Cut()
		}
		second := <-elected
		assert.Equal(t, "b", second.who)
		assert.Greater(t, second.term, first.term)
		for i := range 3 {
			q.Member("a").Link(i).Reset()
			q.Member("a").Link(i).Heal()
			q.Member("b").Link(i).Cut()
		}
		third := <-elected
		assert.Equal(t, "a", third.who)
		assert.Greater(t, third.term, second.term)
		cancel()
		for range 2 {
			require.ErrorIs(t, <-ended, context.Canceled)
		}
		for i := range 3 {
			q.Member("b").Link(i).Reset()
			q.Member("b").Link(i).Heal()
		}
		time.Sleep(time.Minute)
	})
}

func TestLeadReturnsWhenTheLeaderResigns(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		tired := errors.New("tired")
		require.ErrorIs(t, l.Lead(t.Context(), "office", func(context.Context, *redlock.Lock) error { return tired }), tired)
		assert.Zero(t, taken(q, "office"))
		terms := 0
		require.NoError(t, l.Lead(t.Context(), "office", func(ctx context.Context, _ *redlock.Lock) error {
			if terms++; terms < 3 {
				<-ctx.Done()
			}
			return nil
		}, redlock.MaxHold(time.Second)))
		assert.Equal(t, 3, terms)
	})
}

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

func TestResume(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b", redlock.WithOwner("b"))
		first, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		lk, err := other.Resume(t.Context(), "job", first.Token(), first.Fence(), redlock.AutoRenew(true))
		require.NoError(t, err)
		assert.Equal(t, first.Token(), lk.Token())
		assert.Equal(t, first.Fence(), lk.Fence())
		assert.Greater(t, lk.Remaining(), 9*time.Second)
		time.Sleep(time.Minute)
		assert.True(t, lk.Valid())
		h, err := l.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, lk.Token(), h.Token)
		assert.Equal(t, "b", h.Owner)
		require.NoError(t, lk.Unlock(t.Context()))
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "job"))

		_, err = other.Resume(t.Context(), "job", first.Token(), first.Fence())
		require.ErrorIs(t, err, redlock.ErrLost, "it was given back")
		second, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		_, err = other.Resume(t.Context(), "job", first.Token(), first.Fence())
		require.ErrorIs(t, err, redlock.ErrLost)
		assert.True(t, second.Valid())
		for _, bad := range []struct {
			token string
			fence int64
		}{{"x", 1}, {first.Token(), 0}, {first.Token(), 1 << 53}} {
			_, err = other.Resume(t.Context(), "job", bad.token, bad.fence)
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
		}
		q.Node(0).Pause()
		q.Node(1).Pause()
		_, err = other.Resume(t.Context(), "job", second.Token(), second.Fence())
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		q.Node(0).Resume()
		q.Node(1).Resume()
	})
}

func TestExtendTo(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a", redlock.WithTTL(time.Second), redlock.WithMaxTTL(time.Minute)), join(t, q, "b")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.ExtendTo(t.Context(), 30*time.Second))
		assert.Greater(t, lk.Remaining(), 29*time.Second)
		require.NoError(t, lk.Extend(t.Context()))
		assert.Greater(t, lk.Remaining(), 29*time.Second, "none shortens it")
		time.Sleep(28 * time.Second)
		assert.True(t, lk.Valid())
		_, err = other.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		require.ErrorIs(t, lk.ExtendTo(t.Context(), time.Hour), redlock.ErrInvalidOption)
		require.ErrorIs(t, lk.ExtendTo(t.Context(), 0), redlock.ErrInvalidOption)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// A voter that forgets a lock which was extended to more than it was granted for waits for all of that. Two of three have
// the lock; when one of them forgets it, another majority is without.
func TestQuarantineCoversExtensions(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second), redlock.WithMaxTTL(time.Minute), redlock.WithNodeTimeout(50*ms))
		other := join(t, q, "b", redlock.WithTTL(time.Second), redlock.WithNodeTimeout(50*ms))
		q.Member("a").Link(2).Cut()
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.ExtendTo(t.Context(), time.Minute))
		for i := range 2 {
			q.Member("a").Link(i).Cut() // it can't heal the voters
		}
		q.Node(0).Restart(false)
		for lk.Valid() {
			_, err := other.TryLock(t.Context(), "job")
			require.Error(t, err)
			time.Sleep(time.Second)
		}
	})
}

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
