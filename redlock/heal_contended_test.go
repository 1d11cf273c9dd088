package redlock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A competitor's attempts fail, but they raise the registers where the lock is missing.
func TestWaiterDoesntPreventHealing(t *testing.T) {
	for _, waiter := range []bool{false, true} {
		t.Run(fmt.Sprint(waiter), func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				one, two := join(t, q, "one"), join(t, q, "two")
				reach(q, "one", 0, 1, 2)
				lk, err := one.TryLock(t.Context(), "job", redlock.AutoRenew(true))
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				if waiter {
					go func() { _, _ = two.Lock(ctx, "job") }()
				}
				time.Sleep(time.Second)
				reach(q, "one", 0, 1, 2, 3, 4) // all is well again
				time.Sleep(time.Minute)        // 18 renewals
				n := holders(q, "job", lk.Token())
				assert.GreaterOrEqual(t, n, 4, "healed")
				q.Node(2).Restart(false) // one restart
				time.Sleep(10 * time.Second)
				assert.True(t, lk.Valid(), "one restart doesn't kill it: %v", context.Cause(lk.Context()))
				cancel()
				time.Sleep(time.Second)
			})
		})
	}
}

func TestSplitVoteDoesntPreventHealing(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		for _, l := range []*redlock.Locker{one, two} {
			w, err := l.TryLock(t.Context(), "warm-up")
			require.NoError(t, err)
			require.NoError(t, w.Unlock(t.Context()))
			time.Sleep(10 * ms)
		}
		for i := range 5 { // one reaches 0 to 2 first, two reaches 3 and 4 first
			q.Member("one").Link(i).Delay(map[bool]time.Duration{true: 0, false: 20 * ms}[i < 3], 0)
			q.Member("two").Link(i).Delay(map[bool]time.Duration{true: 20 * ms, false: 0}[i < 3], 0)
		}
		res := make(chan *redlock.Lock, 1)
		go func() { lk, _ := one.TryLock(t.Context(), "job", redlock.AutoRenew(true)); res <- lk }()
		time.Sleep(ms)
		_, err := two.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		lk := <-res
		require.NotNil(t, lk)
		time.Sleep(time.Minute)
		assert.Equal(t, 5, holders(q, "job", lk.Token()), "voters that denied are offered the lock")
		q.Node(2).Restart(false)
		time.Sleep(10 * time.Second)
		assert.True(t, lk.Valid(), "%v", context.Cause(lk.Context()))
	})
}

func TestVotersThatForgetAreHealed(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		reach(q, "one", 0, 1, 2)
		lk, err := one.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		_, err = two.TryLock(t.Context(), "job") // one failed attempt
		require.Error(t, err)
		reach(q, "one", 0, 1, 2, 3, 4)
		time.Sleep(10 * time.Second)
		for i := 3; i < 5; i++ {
			q.Node(i).Restart(false) // now their registers are gone, and they would take it
		}
		time.Sleep(time.Minute)
		assert.Equal(t, 5, holders(q, "job", lk.Token()))
		q.Node(2).Restart(false)
		time.Sleep(10 * time.Second)
		assert.True(t, lk.Valid(), "%v", context.Cause(lk.Context()))
	})
}

// An offer plants no more than is left of the lock: whoever holds it may be gone.
func TestOfferDoesntOutliveTheLock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		reach(q, "one", 0, 1)
		begun := time.Now()
		lk, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(7 * time.Second)
		reach(q, "one", 0, 1, 2)
		<-lk.Context().Done() // not released: it ran out
		q.Node(0).Pause()
		_, err = two.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.Less(t, time.Since(begun), 11*time.Second)
		q.Node(0).Resume()
	})
}
