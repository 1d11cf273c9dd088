package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func warmUp(t *testing.T, l *redlock.Locker) {
	t.Helper()
	lk, err := l.TryLock(t.Context(), "warm-up")
	require.NoError(t, err)
	require.NoError(t, lk.Unlock(t.Context()))
}

func reachAll(q *redlocktest.Quorum, members ...string) {
	for _, m := range members {
		reach(q, m, 0, 1, 2, 3, 4)
	}
}

// tryWhenDropped waits until node 2 has dropped client 1's lock and lets client 2 try then.
func tryWhenDropped(t *testing.T, q *redlocktest.Quorum, held *redlock.Lock, two *redlock.Locker, opts ...redlock.LockOption) {
	t.Helper()
	for held.Valid() {
		if _, ok := q.Node(2).Get("job"); ok {
			time.Sleep(ms)
			continue
		}
		lk, err := two.TryLock(t.Context(), "job", opts...)
		if err == nil {
			assert.False(t, lk.Valid() && held.Valid(), "TWO HOLDERS: client 1 trusts its lock for %v yet, client 2 for %v; jumps seen by client 2 at node 2: %d", held.Remaining(), lk.Remaining(), two.Voters()[2].Jumps)
			return
		}
		t.Logf("%v left: %v", held.Remaining(), err)
	}
}

// Where locks may live for long, small jumps can't pass for the drift of such a time.
func TestJumpIsSeenHoweverLongLocksMayLive(t *testing.T) {
	for _, jump := range []time.Duration{150 * ms, 5 * time.Second} {
		for _, max := range []time.Duration{10 * time.Second, time.Minute, time.Hour} {
			t.Run(jump.String()+" with MaxTTL "+max.String(), func(t *testing.T) {
				bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
					opts := []redlock.Option{redlock.WithTTL(10 * time.Second), redlock.WithMaxTTL(max)}
					one, two := join(t, q, "one", opts...), join(t, q, "two", opts...)
					for range 60 { // client 2 knows all voters, and asks them 60 times within MaxTTL
						warmUp(t, two)
						time.Sleep(max * 2 / 5 / 60)
					}
					reach(q, "one", 0, 1, 2)
					reach(q, "two", 2, 3, 4)
					held, err := one.TryLock(t.Context(), "job")
					require.NoError(t, err)
					time.Sleep(held.Remaining() - jump + 50*ms)
					q.Node(2).Jump(jump)
					tryWhenDropped(t, q, held, two)
					reachAll(q, "one", "two")
				})
			})
		}
	}
}

// Two steps and a rate: a lock allows for each, but not for all of them.
func TestSmallStepsAddUpOverALocksLife(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		warmUp(t, one)
		warmUp(t, two) // anchor at 0
		time.Sleep(6 * time.Second)
		reach(q, "one", 0, 1, 2)
		held, err := one.TryLock(t.Context(), "job") // at 6 s
		require.NoError(t, err)
		q.Node(2).SetRate(1.0049)
		time.Sleep(500 * ms)
		q.Node(2).Jump(45 * ms)
		time.Sleep(500 * ms)
		reach(q, "two", 2, 3, 4)
		for range 8 { // once a second; 7 s to 15 s
			lk, err := two.TryLock(t.Context(), "another job")
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
			time.Sleep(time.Second)
		}
		q.Node(2).Jump(45 * ms)
		tryWhenDropped(t, q, held, two)
		assert.Zero(t, two.Voters()[2].Jumps)
		reachAll(q, "one", "two")
	})
}

// A clock that's behind, and steady, would leap over the ends of locks when it's put right.
func TestClockThatIsBehindHasNoVoteUntilItIsPutRight(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(2).Jump(-time.Minute)
		one := join(t, q, "one")
		for range 12 {
			warmUp(t, one)
			time.Sleep(time.Second)
		}
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 2, 3, 4)
		_, err := one.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum, "or it would be held when the clock is put right, and dropped")
		assert.ErrorContains(t, err, "its clock is 1m0s behind most others")
		reachAll(q, "one", "two")
	})
}

// Whoever meets the voter after the jump sees nothing wrong with it, so nobody must have trusted
// it before.
func TestClockFromOneEndOfTheToleranceToTheOther(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(2).Jump(-95 * ms)
		one := join(t, q, "one")
		warmUp(t, one)
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 2, 3, 4)
		_, err := one.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum, "or it would be held when the clock is put right, and dropped")
		reachAll(q, "one", "two")
	})
}

// Each grant shows the time, too: the enrolment in the same batch came earlier.
func TestJumpBetweenEnrolmentAndGrant(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		warmUp(t, one)
		warmUp(t, two)
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 2, 3, 4)
		held, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(held.Remaining() - 130*ms)
		scripts := 0
		q.Node(2).OnCommand(func(c redlocktest.Command) {
			if c.Member == "two" && c.Name == "EVALSHA" {
				if scripts++; scripts == 2 { // after enrol.lua, before grant.lua
					q.Node(2).Jump(240 * ms)
				}
			}
		})
		lk, err := two.TryLock(t.Context(), "job")
		assert.False(t, err == nil && lk.Valid() && held.Valid(), "TWO HOLDERS for %v", held.Remaining())
		reachAll(q, "one", "two")
	})
}

// A machine reboots, and Redis starts empty before the clock is put right. Its quarantine mustn't
// be over when that happens.
func TestRestartBeforeTheClockIsPutRight(t *testing.T) {
	for _, fresh := range []bool{true, false} {
		t.Run(map[bool]string{true: "client 2 is new", false: "client 2 has met all voters"}[fresh], func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				one, two, other := join(t, q, "one"), join(t, q, "two"), join(t, q, "other")
				warmUp(t, one)
				reach(q, "one", 0, 1, 2)
				held, err := one.TryLock(t.Context(), "job")
				require.NoError(t, err)
				if !fresh {
					warmUp(t, two) // it has met all voters before the reboot
				}
				q.Node(2).Restart(false)
				q.Node(2).Jump(-time.Minute)
				warmUp(t, other)
				time.Sleep(100 * ms)
				q.Node(2).Jump(time.Minute)
				reach(q, "two", 2, 3, 4)
				time.Sleep(time.Second)
				tryWhenDropped(t, q, held, two)
				reachAll(q, "one", "two")
			})
		})
	}
}

// What was heard long ago says little of a clock by now, so it can't vouch for others.
func TestOldSamplesVouchForNobody(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		opts := []redlock.Option{redlock.WithTTL(10 * time.Second), redlock.WithMaxTTL(time.Hour)}
		one, two := join(t, q, "one", opts...), join(t, q, "two", opts...)
		reach(q, "two", 0, 1, 4)
		warmUp(t, two)
		time.Sleep(25 * time.Minute)
		reach(q, "one", 0, 1, 2)
		held, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		q.Node(2).Jump(6 * time.Second)
		q.Node(3).Jump(6 * time.Second)
		reach(q, "two", 2, 3, 4)
		tryWhenDropped(t, q, held, two)
		reachAll(q, "one", "two")
	})
}
