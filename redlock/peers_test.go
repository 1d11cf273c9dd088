package redlock_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// The tests in this file are named after failures that were seen in other lock libraries; the
// table in docs/experiments.md says where. Each would fail on that library's behaviour.

const nodeTimeout = 50 * ms

// A: extend and unlock that trust the client's time-outs hang with one node.
func TestPeerA_OneHungNodeDoesntHoldUpAnything(t *testing.T) {
	for _, mode := range []string{"redlocktest clients", "default clients"} {
		t.Run(mode, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				setUp := join
				if mode == "default clients" {
					setUp = stock
				}
				l := setUp(t, q, "a", redlock.WithTTL(8*time.Second), redlock.WithNodeTimeout(nodeTimeout))
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				q.Node(1).Pause()
				for range 3 {
					within(t, 2*nodeTimeout, func() { require.NoError(t, lk.Extend(t.Context())) })
				}
				within(t, 2*nodeTimeout, func() { require.NoError(t, lk.Unlock(t.Context())) })
				within(t, 2*nodeTimeout, func() {
					next, err := l.TryLock(t.Context(), "job")
					require.NoError(t, err)
					require.NoError(t, next.Unlock(t.Context()))
				})
				q.Node(1).Resume()
				time.Sleep(10 * time.Second)
				assert.Zero(t, taken(q, "job"))
			})
		})
	}
}

func within(t *testing.T, limit time.Duration, f func()) {
	t.Helper()
	begun := time.Now()
	f()
	assert.LessOrEqual(t, time.Since(begun), limit)
}

// B: a renewal that is bounded by the new deadline keeps the old holder's context alive after
// another client got the lock.
func TestPeerB_ContextEndsBeforeAnotherCanAcquire(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		holder := join(t, q, "holder", redlock.WithTTL(2*time.Second))
		other := join(t, q, "other", redlock.WithTTL(2*time.Second))
		lk, err := holder.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		require.True(t, lk.Valid(), "renewed")

		for i := range q.Len() {
			q.Member("holder").Link(i).CutReplies() // requests still arrive: the keys live on
		}
		<-lk.Context().Done()
		ended := time.Now()
		require.ErrorIs(t, context.Cause(lk.Context()), redlock.ErrLost)
		assert.False(t, lk.Valid())
		next, err := other.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.True(t, time.Now().After(ended))
		assert.Greater(t, next.Fence(), lk.Fence())
	})
}

func TestPeerB_RepliesAfterTheDeadlineDontExtend(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second), redlock.WithNodeTimeout(900*ms))
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(500 * ms)
		for i := range q.Len() {
			q.Member("a").Link(i).Delay(0, 600*ms) // extended on every node, heard too late
		}
		require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrLost)
		assert.False(t, lk.Valid())
		assert.Error(t, lk.Context().Err())
	})
}

// C: the client's wall clock must not set the TTL.
func TestPeerC_WallClockDoesntMatter(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Hour, 0, time.Hour, 24 * 365 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a")
				redlock.SetWall(l, ahead)
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				time.Sleep(2 * ms) // a majority is enough for the lock, and this looks at all
				for _, n := range q.Nodes() {
					ttl, ok := n.PTTL("job")
					require.True(t, ok)
					assert.InDelta(t, 10*time.Second, ttl, float64(5*ms))
				}
				time.Sleep(lk.Remaining() - ms)
				assert.Equal(t, 3, holders(q, "job", lk.Token()), "while it's valid it's held")
			})
		})
	}
}

// D: an expired lock must not come back to life.
func TestPeerD_ExpiredLockIsNeverRevived(t *testing.T) {
	for _, taken := range []bool{false, true} {
		t.Run(fmt.Sprintf("another had it: %v", taken), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a", redlock.WithTTL(time.Second))
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				time.Sleep(2 * ms) // all have it, and not just a majority
				// The process stood still: nothing ran, not even the timer.
				q.Member("a").Clock().Suspend(2 * time.Second)
				for _, n := range q.Nodes() {
					n.Jump(2 * time.Second)
				}
				if taken {
					next, err := join(t, q, "b").TryLock(t.Context(), "job")
					require.NoError(t, err)
					require.NoError(t, next.Unlock(t.Context()))
				}
				require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrLost)
				time.Sleep(100 * ms)
				assert.Zero(t, holders(q, "job", lk.Token()))
			})
		})
	}
}

func TestPeerD_LostMajorityIsNotTakenBack(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(0).Flush()
		q.Node(1).Flush()
		var qe *redlock.QuorumError
		require.ErrorAs(t, lk.Extend(t.Context()), &qe)
		require.ErrorIs(t, qe, redlock.ErrLost)
		assert.Equal(t, redlock.Gone, qe.Nodes[0].Outcome)
		assert.Contains(t, []redlock.Outcome{redlock.Granted, redlock.Unawaited}, qe.Nodes[2].Outcome)
		require.ErrorIs(t, context.Cause(lk.Context()), redlock.ErrLost)
		time.Sleep(100 * ms)
		assert.Equal(t, 1, holders(q, "job", lk.Token()))
	})
}

// E: clean-up that depends on the caller's context, or overtakes a slow request, leaves keys.
func TestPeerE_CancelledAttemptLeavesNothing(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(30*time.Second), redlock.WithNodeTimeout(time.Second))
		for i := range 3 {
			q.Member("a").Link(i).Delay(300*ms, 0)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
		defer cancel()
		_, err := l.TryLock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		time.Sleep(ms)
		assert.Zero(t, taken(q, "job"), "released where it was granted")
		time.Sleep(2 * time.Second)
		assert.Zero(t, taken(q, "job"), "and where the request came later")
	})
}

func TestPeerE_StoppedServerIsReleasedWhenItGoesOn(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := stock(t, q, "a", redlock.WithTTL(30*time.Second), redlock.WithNodeTimeout(nodeTimeout))
		q.Node(0).Pause()
		q.Node(1).Pause()
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		time.Sleep(5 * time.Second) // longer than any connection waits
		q.Node(0).Resume()
		q.Node(1).Resume()
		time.Sleep(4 * time.Second)
		assert.Zero(t, taken(q, "job"), "the requests waited in the sockets and were then undone")
	})
}

// F: a client library that repeats SET NX after a lost reply reads its own lock as taken.
func TestPeerF_OwnTokenIsNotAnother(t *testing.T) {
	for name, opts := range map[string][]redlock.Option{"fenced": nil, "plain": {redlock.WithoutFencing()}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
				m := q.Member("a")
				// A client with a single connection lends it to nobody, and repeats what fails.
				client := m.Client(0, func(o *redis.Options) { o.PoolSize = 1 })
				l := open(t, []redis.UniversalClient{client}, append(opts, redlock.WithClock(m.Clock()))...)
				warm, err := l.TryLock(t.Context(), "warm-up") // loads the scripts
				require.NoError(t, err)
				require.NoError(t, warm.Unlock(t.Context()))
				q.Member("a").Link(0).DropReplies(1)
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				assert.Equal(t, 1, holders(q, "job", lk.Token()))
			})
		})
	}
}

// G: a fraction of a millisecond claims more than the server gives.
func TestPeerG_FractionsOfAMillisecondDontCount(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithDriftFactor(0), redlock.WithoutGuards())
		lk, err := l.TryLock(t.Context(), "job", redlock.TTL(100*ms+999*time.Microsecond))
		require.NoError(t, err)
		ttl, ok := q.Node(0).PTTL("job")
		require.True(t, ok)
		assert.LessOrEqual(t, ttl, 100*ms)
		assert.Less(t, lk.Remaining(), ttl)
	})
}

// H: prefixes of tokens, and times that the server would take for none.
func TestPeerH_PrefixOfATokenIsNotTheToken(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		redlock.SetToken(l, 0xabcd, 0x1234)
		own := "000000000000abcd0000000000001234"
		for _, theirs := range []string{own + "0", own[:31], ""} {
			q.Node(0).Set("job", theirs, time.Hour)
			_, err := l.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)
			time.Sleep(100 * ms)
			got, _ := q.Node(0).Get("job")
			assert.Equal(t, theirs, got, "neither stolen nor released")
		}
	})
}

func TestPeerH_TooShortTTL(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for _, ttl := range []time.Duration{-time.Second, 0, 900 * time.Microsecond, ms, 2 * ms} {
			_, err := l.TryLock(t.Context(), "job", redlock.TTL(ttl))
			require.ErrorIs(t, err, redlock.ErrInvalidOption, "%v", ttl)
			assert.Contains(t, err.Error(), ttl.String())
		}
		assert.Zero(t, q.Node(0).Commands(), "nothing was sent")
	})
}

// I (redsync #186): a bare majority must not die with one node's restart while others are free.
func TestPeerI_BareMajorityIsHealed(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(3*time.Second))
		q.Node(3).Crash()
		q.Node(4).Crash()
		lk, err := l.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		require.Equal(t, 3, holders(q, "job", lk.Token()))
		q.Node(3).Restart(false)
		q.Node(4).Restart(false)
		time.Sleep(3 * time.Second)
		require.Equal(t, 5, holders(q, "job", lk.Token()))
		for i := range 5 { // rolling restarts, each time longer than a renewal takes
			q.Node(i).Crash()
			q.Node(i).Restart(false)
			time.Sleep(3 * time.Second)
			require.True(t, lk.Valid(), "after node %d", i)
		}
		require.NoError(t, lk.Unlock(t.Context()))
		time.Sleep(100 * ms)
		assert.Zero(t, taken(q, "job"))
	})
}

// J: counters that nobody deletes, and stale releases that delete a newer lock.
func TestPeerJ_RegistersExpire(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for i := range 50 {
			lk, err := l.TryLock(t.Context(), fmt.Sprintf("job:%d", i))
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
		}
		time.Sleep(100 * ms)
		require.Len(t, q.Node(0).Keys(), 50)
		life, ok := q.Node(0).PTTL(redlock.FenceKey("job:1"))
		require.True(t, ok)
		assert.InDelta(t, 24*time.Hour, life, float64(time.Second))
		time.Sleep(25 * time.Hour)
		assert.Empty(t, q.Node(0).Keys())
	})
}

func TestPeerJ_StaleUnlockSparesTheNewOwner(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		old, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		next, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.ErrorIs(t, old.Unlock(t.Context()), redlock.ErrLost)
		time.Sleep(100 * ms)
		assert.Equal(t, 3, holders(q, "job", next.Token()))
	})
}

// K: when packets just vanish the loss is noticed at the deadline, not by a time-out of TCP.
func TestPeerK_SilentLossEndsAtTheDeadline(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		l := stock(t, q, "a")
		warmUp(t, l)
		begun := time.Now()
		lk, err := l.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		for i := range q.Len() {
			q.Member("a").Link(i).Cut()
		}
		<-lk.Context().Done()
		assert.Equal(t, 10*time.Second-100*ms-2*ms, time.Since(begun).Round(ms))
		require.ErrorIs(t, context.Cause(lk.Context()), redlock.ErrLost)
		for i := range q.Len() {
			q.Member("a").Link(i).Heal()
		}
	})
}

// L: a release that overtakes its own acquisition leaves an orphan.
func TestPeerL_ReleaseDoesntOvertakeItsAcquisition(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		l := stock(t, q, "a")
		for i := range 200 {
			slow := q.Member("a").Link(i % 5)
			slow.Delay(time.Duration(i%7)*ms, 0)
			name := fmt.Sprintf("job:%d", i)
			lk, err := l.TryLock(t.Context(), name)
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
			slow.Delay(0, 0)
		}
		time.Sleep(time.Second)
		for _, n := range q.Nodes() {
			for _, key := range n.Keys() {
				assert.True(t, strings.HasSuffix(key, ":fence"), "orphan %s", key)
			}
		}
	})
}

// M: with the client library's default options, one bad node of five cost seconds.
func TestPeerM_OneBadNodeOfFive(t *testing.T) {
	faults := map[string]func(q *redlocktest.Quorum){
		"stopped":     func(q *redlocktest.Quorum) { q.Node(2).Pause() },
		"refusing":    func(q *redlocktest.Quorum) { q.Node(2).Crash() },
		"black-holed": func(q *redlocktest.Quorum) { q.Member("a").Link(2).Cut() },
	}
	for name, inject := range faults {
		t.Run(name, func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				l := stock(t, q, "a")
				inject(q)
				for range 3 {
					var lk *redlock.Lock
					within(t, 5*ms, func() {
						var err error
						lk, err = l.TryLock(t.Context(), "job")
						require.NoError(t, err)
					})
					within(t, 5*ms, func() { require.NoError(t, lk.Unlock(t.Context())) })
				}
				q.Node(2).Resume()
				q.Member("a").Link(2).Heal()
			})
		})
	}
}

// N: after a pause, a waiter on a free lock must not sleep on.
func TestPeerN_WaiterGetsAFreeLock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		holder, waiter := join(t, q, "holder"), join(t, q, "waiter")
		lk, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		got := make(chan time.Time, 1)
		go func() {
			next, err := waiter.Lock(t.Context(), "job")
			if assert.NoError(t, err) {
				when := time.Now()
				assert.NoError(t, next.Unlock(t.Context()))
				got <- when
			}
		}()
		time.Sleep(time.Second)
		q.Member("waiter").Clock().Suspend(60 * ms)
		for _, n := range q.Nodes() {
			n.Jump(60 * ms)
		}
		for i := range q.Len() {
			q.Member("waiter").Link(i).Cut() // whatever is said meanwhile isn't heard
		}
		require.NoError(t, lk.Unlock(t.Context()))
		free := time.Now()
		time.Sleep(60 * ms)
		for i := range q.Len() {
			q.Member("waiter").Link(i).Heal()
		}
		assert.Less(t, (<-got).Sub(free), time.Second)
	})
}
