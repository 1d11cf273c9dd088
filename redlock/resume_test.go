package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

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
