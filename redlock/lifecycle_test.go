package redlock_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// MaxTTL is rounded up as TTLs are cut off, or voters would never be trusted.
func TestFractionsOfAMillisecond(t *testing.T) {
	for name, opts := range map[string][]redlock.Option{
		"WithTTL(1s/3)":       {redlock.WithTTL(time.Second / 3)},
		"WithMaxTTL(10s+1µs)": {redlock.WithMaxTTL(10*time.Second + time.Microsecond)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a", opts...)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				_, err := l.Lock(ctx, "job")
				require.NoError(t, err)
			})
		})
	}
}

// Close waits for attempts that are under way, to release what they got.
func TestCloseDuringLockLeavesNothing(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Minute), redlock.WithNodeTimeout(250*ms))
		lk, err := l.Lock(t.Context(), "warm-up")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		for i := range 3 {
			q.Member("a").Link(i).Delay(0, 20*ms)
		}
		waiting := make(chan error, 1)
		go func() { _, err := l.Lock(t.Context(), "job"); waiting <- err }()
		time.Sleep(10 * ms) // the voters have granted, the replies are on their way
		require.Equal(t, 3, taken(q, "job"))
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-waiting, redlock.ErrClosed)
		time.Sleep(10 * time.Second)
		assert.Zero(t, taken(q, "job"), "a failed attempt is released on every voter")
	})
}

func TestCloseDuringTryLockLeavesNothing(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		other := join(t, q, "other", redlock.WithTTL(time.Minute))
		w, err := other.TryLock(t.Context(), "job")
		require.NoError(t, err)
		l := join(t, q, "a", redlock.WithTTL(time.Minute))
		for i := 3; i < 5; i++ {
			q.Node(i).Set("job", "x", ms)
		}
		time.Sleep(5 * ms)
		for i := range 5 {
			q.Member("a").Link(i).Delay(0, 20*ms)
		}
		res := make(chan error, 1)
		go func() { _, err := l.TryLock(t.Context(), "job"); res <- err }()
		time.Sleep(30 * ms)
		require.NoError(t, l.Close())
		t.Log(<-res)
		require.NoError(t, w.Unlock(t.Context()))
		time.Sleep(time.Second)
		assert.Zero(t, taken(q, "job"))
	})
}

// A renewal that fails is tried again while there's time, however short the lock is.
func TestRenewalOfAShortLockTriesTwice(t *testing.T) {
	for _, ttl := range []time.Duration{300 * ms, time.Second} {
		t.Run(ttl.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a") // defaults: TTL 10 s, node time-out 250 ms
				lk, err := l.TryLock(t.Context(), "job", redlock.TTL(ttl), redlock.AutoRenew(true))
				require.NoError(t, err)
				time.Sleep(50 * ms)
				for i := range 3 {
					q.Member("a").Link(i).DropRequests(1) // one request is lost with its connection, at once seen as a reset
				}
				time.Sleep(2 * ttl)
				assert.True(t, lk.Valid(), "%v", context.Cause(lk.Context()))
			})
		})
	}
}

// An attempt that the context cut short doesn't hide what the one before has found out.
func TestLockSaysWhatStoodInTheWay(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		_, err := join(t, q, "holder", redlock.WithTTL(time.Hour)).TryLock(t.Context(), "job")
		require.NoError(t, err)
		l := join(t, q, "a")
		for i := range 3 {
			q.Member("a").Link(i).Delay(10*ms, 10*ms)
		}
		hidden := 0
		for i := range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second+time.Duration(i)*ms)
			_, err = l.Lock(ctx, "job")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			var qe *redlock.QuorumError
			require.ErrorAs(t, err, &qe)
			if !strings.Contains(err.Error(), "held for") {
				if hidden == 0 {
					t.Log(err)
				}
				hidden++
			}
		}
		assert.Zero(t, hidden, "of 100")
	})
}

// What was never sent leaves no doubt, and needs no repeated release.
func TestUnsentIsNoDoubt(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		holder := join(t, q, "holder", redlock.WithTTL(time.Minute))
		held, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(2).Set("job", "x", ms) // free at voter 2
		l := join(t, q, "a")
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		time.Sleep(10 * time.Second)
		var releases, grants atomic.Int64
		q.Node(2).OnCommand(func(c redlocktest.Command) {
			if strings.HasPrefix(c.Name, "EVAL") && len(c.Args) == 4 {
				releases.Add(1)
			} else if strings.HasPrefix(c.Name, "EVAL") && len(c.Args) > 8 {
				grants.Add(1)
			}
		})
		q.Member("a").Link(2).HoldReplies()
		_, err = l.TryLock(t.Context(), "job") // its worker at voter 2 waits
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		for range 20 {
			_, err = l.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)
		}
		q.Member("a").Link(2).Release()
		time.Sleep(20 * time.Second)
		assert.EqualValues(t, 1, grants.Load())
		assert.LessOrEqual(t, releases.Load(), int64(21), "one for each attempt")
		require.NoError(t, held.Unlock(t.Context()))
	})
}
