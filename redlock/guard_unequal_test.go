package redlock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// What the guards take for a step of a time server is measured by the locker's TTL, so a lock
// that asks for less has to allow for as much: whoever comes next doesn't know how long it was.
func TestShortLocksAllowForTheStepsThatAreTolerated(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("the second client knew the voter before: %t", known), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				one, two := join(t, q, "one"), join(t, q, "two")
				step := 100 * ms // at first contact
				if known {
					step = 45 * ms
					lk, err := two.TryLock(t.Context(), "another job")
					require.NoError(t, err)
					require.NoError(t, lk.Unlock(t.Context()))
				}
				reach(q, "one", 0, 1)
				reach(q, "two", 1, 2)
				held, err := one.TryLock(t.Context(), "job", redlock.TTL(time.Second))
				require.NoError(t, err)
				q.Node(1).Jump(step)
				time.Sleep(time.Second - step + 2*ms) // now the voter has dropped it
				lk, err := two.Lock(t.Context(), "job")
				require.False(t, held.Valid(), "two holders, the first for another %v", held.Remaining())
				require.NoError(t, err, "the step is tolerated")
				assert.Greater(t, lk.Fence(), held.Fence())
				reach(q, "one", 0, 1, 2)
				reach(q, "two", 0, 1, 2)
			})
		})
	}
}

func TestLocksTooShortForTheAllowanceAreRefused(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		_, err := join(t, q, "one").TryLock(t.Context(), "job", redlock.TTL(100*ms))
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
		assert.ErrorContains(t, err, "100ms")
		assert.ErrorContains(t, err, "102ms")
		assert.ErrorContains(t, err, "WithTTL")
		_, err = join(t, q, "unguarded", redlock.WithoutGuards()).TryLock(t.Context(), "job", redlock.TTL(100*ms))
		assert.NoError(t, err)
	})
}

// A locker that hears of longer locks than its own holds wrong clocks out for as long as those.
func TestWrongClockIsHeldOutForTheLongestLockInUse(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		long := join(t, q, "long", redlock.WithTTL(time.Minute))
		short := join(t, q, "short")
		_, err := long.TryLock(t.Context(), "all voters hear of it")
		require.NoError(t, err)
		_, err = short.TryLock(t.Context(), "another job")
		require.NoError(t, err)
		reach(q, "long", 0, 1)
		reach(q, "short", 1, 2)
		held, err := long.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(1).Jump(time.Minute)
		for held.Valid() {
			_, err := short.TryLock(t.Context(), "job")
			require.False(t, err == nil && held.Valid(), "two holders, the first for another %v", held.Remaining())
			time.Sleep(time.Second)
		}
		reach(q, "long", 0, 1, 2)
		reach(q, "short", 0, 1, 2)
	})
}

// Whether a voter's data survives restarts is for each locker to say for itself.
func TestDurableLockerDoesntVouchForOthers(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		plain, two, durable := join(t, q, "one"), join(t, q, "two"), join(t, q, "durable", redlock.WithDurableNodes())
		reach(q, "one", 0, 1)
		reach(q, "two", 1, 2)
		held, err := plain.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(1).Restart(true)
		q.Node(1).Set("job", "x", ms) // an old snapshot
		time.Sleep(5 * ms)
		_, _ = durable.TryLock(t.Context(), "another job")
		_, err = two.TryLock(t.Context(), "job")
		assert.Error(t, err, "held %v", held.Remaining())
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 0, 1, 2)
	})
}
