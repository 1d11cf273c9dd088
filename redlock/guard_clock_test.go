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
			assert.False(t, lk.Valid() && held.Valid(), "TWO HOLDERS: client 1 trusts its lock for %v yet, client 2 for %v", held.Remaining(), lk.Remaining())
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

// Kleppmann's example with a clock: client 1 holds the lock on A, B, C; C's clock jumps past its
// end; client 2 reaches C, D, E. C keeps its promise, and nobody loses a vote.
func TestVoterKeepsItsPromiseWhateverItsClockDoes(t *testing.T) {
	for name, fault := range map[string]func(n *redlocktest.Node){
		"jumps forward":  func(n *redlocktest.Node) { n.Jump(time.Minute) },
		"there and back": func(n *redlocktest.Node) { n.Jump(time.Minute); time.Sleep(20 * ms); n.Jump(-time.Minute) },
		"runs fast":      func(n *redlocktest.Node) { n.SetRate(100); time.Sleep(200 * ms); n.SetRate(1) },
		"loses the key":  func(n *redlocktest.Node) { n.Set("job", "x", ms) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				one, two := join(t, q, "one"), join(t, q, "two")
				warmUp(t, two) // it has heard of all clocks
				time.Sleep(time.Second)
				reach(q, "one", 0, 1, 2)
				reach(q, "two", 2, 3, 4)
				held, err := one.TryLock(t.Context(), "job")
				require.NoError(t, err)
				fault(q.Node(2))
				time.Sleep(10 * ms)
				_, ok := q.Node(2).Get("job")
				require.False(t, ok, "the key is gone")

				_, err = two.TryLock(t.Context(), "job")
				require.ErrorIs(t, err, redlock.ErrNotAcquired)
				var qe *redlock.QuorumError
				require.ErrorAs(t, err, &qe)
				assert.Equal(t, redlock.Held, qe.Nodes[2].Outcome, "%v", err)
				assert.InDelta(t, held.Remaining(), qe.Nodes[2].Remaining, float64(time.Second), "the error says how long")
				warmUp(t, two)

				require.NoError(t, held.Extend(t.Context()), "C still has it")
				_, ok = q.Node(2).Get("job")
				assert.True(t, ok, "the extension puts the key back")
				require.NoError(t, held.Unlock(t.Context()))
				lk, err := two.TryLock(t.Context(), "job")
				require.NoError(t, err, "given back is free at once")
				require.NoError(t, lk.Unlock(t.Context()))
				reachAll(q, "one", "two")
			})
		})
	}
}

// A lock whose holder died is free when the agreed time says so, also where the key lives on.
func TestLockOfADeadHolderIsFreeWhenTheAgreedTimeSaysSo(t *testing.T) {
	for name, jump := range map[string]time.Duration{"keys end in time": 0, "two clocks are set back": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				one, two := join(t, q, "one"), join(t, q, "two")
				begun := time.Now()
				_, err := one.TryLock(t.Context(), "job")
				require.NoError(t, err)
				reach(q, "one")
				q.Node(0).Jump(jump)
				q.Node(1).Jump(jump)
				time.Sleep(10 * time.Second)
				lk, err := two.Lock(t.Context(), "job")
				require.NoError(t, err)
				took := time.Since(begun)
				assert.Greater(t, took, 10*time.Second)
				assert.Less(t, took, 10*time.Second+2*250*ms+300*ms, "twice the largest error of a clock, and a pause between attempts")
				time.Sleep(10 * ms)
				assert.Equal(t, 5, holders(q, "job", lk.Token()), "also where the old key was still there")
				require.NoError(t, lk.Unlock(t.Context()))
				reachAll(q, "one")
			})
		})
	}
}

// After a silence the time is known so badly that a lock that's over could still be held. The
// refusals say what time it is, so the same call asks again.
func TestRefusalForWantOfTheTimeIsAskedOnceMore(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one", redlock.Lazy()), join(t, q, "two")
		warmUp(t, two)
		time.Sleep(20 * time.Second)
		_, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		reach(q, "one")
		time.Sleep(10*time.Second + 510*ms) // two's idea of the time is now 0.3 s wide either way
		lk, err := two.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		reach(q, "one", 0, 1, 2)
	})
}

// With clocks that too few others agree with, nothing is planted: a deadline from a clock in the
// year 2100 would block the name after a crash.
func TestWithoutAnAgreedTimeNothingIsPlanted(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(1).Jump(75 * 365 * 24 * time.Hour)
		l := join(t, q, "a")
		reach(q, "a", 0, 1)
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		assert.ErrorContains(t, err, "too few clocks agree")
		assert.ErrorContains(t, err, "its clock is 657000h0m0s ahead of that of "+q.Node(0).Addr())
		assert.Zero(t, taken(q, "job"))
		_, planted := q.Node(0).Get(redlock.FenceKey("job"))
		assert.False(t, planted)
		reach(q, "a", 0, 1, 2)
		warmUp(t, l)
	})
}

// A clock that's hours off may end records early when it's put right, so its voter doesn't vote.
func TestClockThatIsHoursOffDoesntVote(t *testing.T) {
	for _, off := range []time.Duration{-7 * time.Hour, 7 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				q.Node(2).Jump(off)
				l := join(t, q, "a")
				held, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err, "the others do")
				time.Sleep(10 * ms)
				assert.Equal(t, 2, holders(q, "job", held.Token()))
				require.NoError(t, held.Extend(t.Context()))
				v := l.Voters()[2]
				assert.InDelta(t, off, v.Ahead, float64(time.Second))
				q.Node(0).Pause()
				time.Sleep(time.Second)
				_, err = l.TryLock(t.Context(), "job 2")
				require.ErrorIs(t, err, redlock.ErrNoQuorum)
				assert.ErrorContains(t, err, "its clock is 7h0m0s "+map[bool]string{true: "behind", false: "ahead of"}[off < 0]+" most others'")
				q.Node(0).Resume()
			})
		})
	}
}

// A voter of three is reached last, by a client that has met the other two, of which one is
// wrong. Nothing makes it wait.
func TestOneWrongClockDoesntHoldUpNewcomers(t *testing.T) {
	for wrong := range 5 {
		for _, slow := range []int{(wrong + 1) % 5, (wrong + 2) % 5} {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				q.Node(wrong).Jump(time.Hour)
				l := join(t, q, "one")
				q.Member("one").Link(slow).Delay(5*ms, 5*ms)
				q.Member("one").Link((slow+1)%5).Delay(5*ms, 5*ms)
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				require.NoError(t, lk.Unlock(t.Context()))
			})
		}
	}
}

// An extension on a voter whose clock is set back and put right again doesn't shorten the lock.
func TestExtensionOnAClockSetBackDoesntShortenTheLock(t *testing.T) {
	for _, back := range []time.Duration{time.Minute, 25 * time.Hour} {
		bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
			one, two := join(t, q, "one"), join(t, q, "two")
			reach(q, "one", 1, 2)
			reach(q, "two", 0, 2)
			lk, err := one.TryLock(t.Context(), "job")
			require.NoError(t, err)
			time.Sleep(5 * time.Second)
			q.Node(2).Jump(-back)
			err = lk.Extend(t.Context())
			assert.Equal(t, back < time.Hour, err == nil, "%v: %v", back, err)
			q.Node(2).Jump(back)
			require.True(t, lk.Valid())
			_, err = two.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)
			reach(q, "one", 0, 1, 2)
			reach(q, "two", 0, 1, 2)
		})
	}
}
