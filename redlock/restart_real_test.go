package redlock_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// I (redsync #186): a lock that is renewed must survive that its voters are restarted one by
// one, each forgetting everything.
func TestRealRollingRestartUnderALock(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 5)
		l := setUp(t, servers, redlock.WithTTL(2*time.Second), redlock.WithNodeTimeout(realNodeTimeout))
		lk, err := l.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		for _, s := range servers {
			s.Restart()
			require.Empty(t, remains(s), "the fault took effect")
			redistest.Await(t, 10*time.Second, func() bool {
				return slices.Contains(remains(s), "job")
			}, "%s wasn't given the lock again", s.Addr)
			require.True(t, lk.Valid())
		}
		_, err = l.TryLock(t.Context(), "job")
		require.Error(t, err, "nobody else can have it")
		require.NoError(t, lk.Unlock(t.Context()))
		requireNothingLeft(t, 10*time.Second, servers...)
	})
}

// Servers that may have forgotten locks don't vote until those must have expired.
func TestRealFreshServersWait(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		begun := time.Now()
		servers := redistest.StartAll(t, 3)
		l := setUp(t, servers, redlock.WithTTL(time.Second), redlock.WithNodeTimeout(realNodeTimeout))
		quarantined := 0
		for _, n := range refusals(t, l) {
			if n.Outcome == redlock.Quarantined {
				quarantined++
				assert.Positive(t, n.Remaining)
				assert.LessOrEqual(t, n.Remaining, time.Second+2*250*time.Millisecond+realNodeTimeout, "MaxTTL, and twice the largest error of a clock")
			}
		}
		assert.GreaterOrEqual(t, quarantined, 2)
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(begun), time.Second)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

func TestRealMajorityThatForgets(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 3)
		l := setUp(t, servers, redlock.WithTTL(20*time.Second))
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		// A request that is still under way would be repeated, and would plant the lock after
		// the restart.
		for _, s := range servers {
			redistest.Await(t, 5*time.Second, func() bool { return len(remains(s)) == 1 })
		}
		servers[0].Restart()
		servers[1].Restart()
		// The first tries may meet connections that have just broken, which proves nothing.
		redistest.Await(t, 10*time.Second, func() bool {
			err = lk.Extend(t.Context())
			require.Error(t, err)
			return lk.Context().Err() != nil
		}, "the loss isn't noticed")
		require.ErrorIs(t, err, redlock.ErrLost)
		require.ErrorIs(t, context.Cause(lk.Context()), redlock.ErrLost)
		require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrLost)
		requireNothingLeft(t, 10*time.Second, servers...)
	})
}

// A pool full of connections to processes that no longer exist. (What the servers have
// forgotten isn't the question here.)
func TestRealRestartWhileConnectionsIdle(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 3)
		l := setUp(t, servers)
		before := use(t, l, "job")
		for _, s := range servers {
			s.Restart()
			s.Enrol()
		}
		after, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.Greater(t, after.Fence(), before.Fence(), "the wall clock stands in for what was forgotten")
		require.NoError(t, after.Unlock(t.Context()))
	})
}

// The voters forget the scripts between any two operations.
func TestRealScriptFlush(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 3)
		forget := func() {
			for _, s := range servers {
				s.Do("SCRIPT", "FLUSH")
			}
		}
		l := setUp(t, servers)
		use(t, l, "warm-up")
		forget()
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		forget()
		require.NoError(t, lk.Extend(t.Context()))
		forget()
		require.NoError(t, lk.Unlock(t.Context()))
		requireNothingLeft(t, 5*time.Second, servers...)
	})
}
