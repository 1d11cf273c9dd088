package redlock_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A lock that a bare majority granted is offered to the others as soon as they are back, not
// only at its first extension, before which one more restart would have been the end of it.
func TestLockIsOfferedToVotersThatWereDown(t *testing.T) {
	for _, fencing := range []bool{true, false} {
		bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
			var opts []redlock.Option
			if !fencing {
				opts = append(opts, redlock.WithoutFencing())
			}
			l := join(t, q, "a", opts...)
			q.Node(3).Crash()
			q.Node(4).Crash()
			lk, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			time.Sleep(time.Second)
			require.Equal(t, 3, holders(q, "job", lk.Token()))
			q.Node(3).Restart(false)
			q.Node(4).Restart(true)
			time.Sleep(2 * time.Second)
			require.Equal(t, 5, holders(q, "job", lk.Token()))
			q.Node(0).Restart(false)
			require.NoError(t, lk.Extend(t.Context()))
			require.NoError(t, lk.Unlock(t.Context()))
			time.Sleep(time.Second)
			assert.Zero(t, taken(q, "job"))
		})
	}
}

func TestLockIsOfferedToVotersThatDenied(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		q.Node(3).Set("job", "of another", 600*ms)
		q.Node(4).Flush() // it can't vote, but it can keep a lock that a majority has given
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(10 * ms)
		require.Equal(t, 3, holders(q, "job", lk.Token()))
		time.Sleep(300 * ms)
		require.Equal(t, 4, holders(q, "job", lk.Token()))
		time.Sleep(time.Second)
		require.Equal(t, 5, holders(q, "job", lk.Token()))
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// Whoever has the lock everywhere asks for nothing more, and whoever hasn't asks seldom.
func TestOffersAreFew(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		count := func() (before [3]int) {
			for i := range 3 {
				before[i] = q.Node(i).Commands()
			}
			return before
		}
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(10 * ms)
		before := count()
		time.Sleep(9 * time.Second)
		assert.Equal(t, before, count())
		require.NoError(t, lk.Unlock(t.Context()))

		q.Node(0).Set("other", "of another", time.Minute)
		_, err = l.TryLock(t.Context(), "other")
		require.NoError(t, err)
		time.Sleep(10 * ms)
		before = count()
		time.Sleep(20 * time.Second)
		after := count()
		assert.Equal(t, before[1:], after[1:])
		assert.LessOrEqual(t, after[0]-before[0], 3*6, "each is an enrolment and an offer, the first in full")
		assert.Greater(t, after[0], before[0])
	})
}

// A register beyond the lock's token stays, and so the order of tokens.
func TestOffersDontLowerTheRegister(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		q.Node(0).Crash()
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		later := "9007199254740990"
		q.Node(0).Set(redlock.FenceKey("job"), later, time.Minute)
		q.Node(0).Restart(true)
		time.Sleep(5 * time.Second)
		assert.Equal(t, later, strconv.FormatInt(register(t, q.Node(0), "job"), 10))
		assert.Equal(t, 3, holders(q, "job", lk.Token()))
		require.NoError(t, lk.Extend(t.Context()))
	})
}

// Where a majority has seen later tokens, somebody else had the lock, whatever made that possible.
func TestLockIsLostWhereAMajorityHasSeenLaterTokens(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		reach(q, "one", 0, 1, 2)
		lk, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		for _, key := range []string{"job", redlock.FenceKey("job")} {
			q.Node(2).Set(key, "1", ms) // somebody's script
		}
		time.Sleep(2 * ms)
		reach(q, "two", 2, 3, 4)
		later, err := two.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, later.Unlock(t.Context()))
		time.Sleep(2 * time.Second) // the requests that were cut off are given up
		reach(q, "one", 0, 1, 2, 3, 4)
		time.Sleep(3 * time.Second) // by now it's offered to all
		require.Equal(t, 4, holders(q, "job", lk.Token()))
		_ = lk.Extend(t.Context()) // it may take two to hear all voters
		time.Sleep(time.Second)
		err = lk.Extend(t.Context())
		require.ErrorIs(t, err, redlock.ErrLost)
		assert.ErrorContains(t, err, "granted it to another")
		require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrLost)
		reach(q, "two", 0, 1, 2, 3, 4)
	})
}

// No offer is made, or carried out, when the lock is over.
func TestOffersEndWithTheLock(t *testing.T) {
	for name, over := range map[string]func(*testing.T, *redlock.Lock){
		"released": func(t *testing.T, lk *redlock.Lock) { require.NoError(t, lk.Unlock(t.Context())) },
		"expired":  func(t *testing.T, lk *redlock.Lock) { time.Sleep(lk.Remaining()) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, paused := range []bool{false, true} { // the offers wait in a stopped server
				bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
					l := join(t, q, "a")
					lk, err := l.TryLock(t.Context(), "other") // the voters are known
					require.NoError(t, err)
					require.NoError(t, lk.Unlock(t.Context()))
					q.Node(0).Set("job", "of another", time.Second)
					lk, err = l.TryLock(t.Context(), "job")
					require.NoError(t, err)
					if paused {
						q.Node(0).Pause()
					}
					time.Sleep(900 * ms)
					over(t, lk)
					q.Node(0).Resume()
					time.Sleep(90 * time.Second)
					_, planted := q.Node(0).Get("job")
					assert.False(t, planted)
				})
			}
		})
	}
}

// Where a server doesn't know a script yet, it's sent again in full; what came after it in the
// same batch mustn't take effect before it.
func TestUnknownScriptDoesntChangeTheOrder(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithNodeTimeout(100*ms))
		lk, err := l.TryLock(t.Context(), "other") // now the voters know how to grant and release
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		q.Node(0).Set("job", "of another", 50*ms)
		lk, err = l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(60 * ms)
		q.Member("a").Link(0).HoldReplies()
		for i := range 10 { // keeps all of the voter's workers busy
			_, err := l.TryLock(t.Context(), fmt.Sprint("busy ", i))
			require.NoError(t, err)
		}
		time.Sleep(100 * ms)                       // the lock is offered
		require.NoError(t, lk.Unlock(t.Context())) // and then released
		q.Member("a").Link(0).Heal()
		q.Member("a").Link(0).Release()
		time.Sleep(time.Second)
		_, left := q.Node(0).Get("job")
		assert.False(t, left)
	})
}

// What took effect the first time isn't reported as lost because it was sent again.
func TestRepeatedReleaseWasEffective(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		plain := join(t, q, "plain", redlock.WithoutFencing()) // teaches the voter to release only
		lk, err := plain.TryLock(t.Context(), "other")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		lk, err = plain.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Member("plain").Link(0).HoldReplies()
		var work sync.WaitGroup
		for i := range 10 { // keeps all of the voter's workers busy
			work.Go(func() { _, _ = plain.TryLock(t.Context(), fmt.Sprint("busy ", i)) })
		}
		time.Sleep(ms)
		work.Go(func() { assert.Error(t, lk.Extend(t.Context())) }) // a script that it doesn't know
		time.Sleep(ms)
		work.Go(func() { assert.NoError(t, lk.Unlock(t.Context())) })
		time.Sleep(ms)
		q.Member("plain").Link(0).Heal()
		q.Member("plain").Link(0).Release()
		work.Wait()
	})
}

// An offer to restore that is made after the release would plant a lock that nobody holds.
func TestHealingDoesntOutliveTheRelease(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for i := range 300 {
			lk, err := l.Lock(t.Context(), "job")
			require.NoError(t, err)
			q.Node(i%3).Set("job", "expires", ms) // this voter loses the lock
			time.Sleep(2 * ms)
			var wg sync.WaitGroup
			wg.Go(func() { _ = lk.Extend(t.Context()) })
			time.Sleep(time.Duration(i) * 2 * time.Microsecond) // up to where the answers are in
			wg.Go(func() { _ = lk.Unlock(t.Context()) })
			wg.Wait()
			time.Sleep(10 * ms)
			require.Zero(t, taken(q, "job"), "round %d", i)
		}
	})
}
