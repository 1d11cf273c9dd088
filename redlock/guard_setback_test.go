package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A voter's clock is set back, and put right again a little later. An extension in between
// doesn't count, so the lock is as good as it was before: the voter must not drop it earlier
// than that.
func TestExtensionOnAClockSetBackDoesntShortenTheLock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		reach(q, "one", 1, 2)
		reach(q, "two", 0, 2)
		lk, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		q.Node(2).Jump(-time.Minute)
		require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrNoQuorum)
		q.Node(2).Jump(time.Minute)
		require.True(t, lk.Valid(), "as before the extension")
		_, err = two.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 0, 1, 2)
	})
}

// The register has to outlive the lock then, too.
func TestExtensionOnAClockSetBackDoesntShortenTheRegister(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "one")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(time.Second)
		q.Node(2).Jump(-25 * time.Hour)
		require.NoError(t, lk.Extend(t.Context()))
		time.Sleep(time.Second)
		q.Node(2).Jump(25 * time.Hour)
		_, found := q.Node(2).Get("job")
		require.True(t, found)
		_, found = q.Node(2).Get(redlock.FenceKey("job"))
		require.True(t, found)
	})
}
