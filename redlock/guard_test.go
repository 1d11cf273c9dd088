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

// reach leaves a client machine only the given nodes.
func reach(q *redlocktest.Quorum, member string, nodes ...int) {
	for i := range q.Len() {
		q.Member(member).Link(i).Cut()
	}
	for _, i := range nodes {
		q.Member(member).Link(i).Heal()
	}
}

// Kleppmann's example: client 1 holds the lock on A, B, C; something happens to C; client 2
// reaches C, D, E. https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
func TestVoterThatMayHaveForgottenDoesntVote(t *testing.T) {
	faults := map[string]struct {
		inject  func(n *redlocktest.Node)
		opts    []redlock.Option
		outcome redlock.Outcome
	}{
		"crash, back empty": {func(n *redlocktest.Node) { n.Restart(false) }, nil, redlock.Quarantined},
		"crash, back with an old snapshot": {func(n *redlocktest.Node) {
			n.Restart(true)
			n.Set("job", "expires", ms)
		}, nil, redlock.Quarantined},
		"FLUSHALL":                  {func(n *redlocktest.Node) { n.Flush() }, nil, redlock.Quarantined},
		"FLUSHALL of a durable one": {func(n *redlocktest.Node) { n.Flush() }, []redlock.Option{redlock.WithDurableNodes()}, redlock.Quarantined},
		"clock jumps forward":       {func(n *redlocktest.Node) { n.Jump(time.Minute) }, nil, redlock.ClockSuspect},
	}
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			for _, known := range []bool{false, true} {
				t.Run(fmt.Sprintf("client 2 knew C before: %v", known), func(t *testing.T) {
					bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
						one, two := join(t, q, "one", tt.opts...), join(t, q, "two", tt.opts...)
						if known {
							lk, err := two.TryLock(t.Context(), "another job")
							require.NoError(t, err)
							require.NoError(t, lk.Unlock(t.Context()))
						}
						reach(q, "one", 0, 1, 2)
						reach(q, "two", 2, 3, 4)
						held, err := one.TryLock(t.Context(), "job")
						require.NoError(t, err)
						tt.inject(q.Node(2))
						time.Sleep(10 * ms)

						_, err = two.TryLock(t.Context(), "job")
						require.ErrorIs(t, err, redlock.ErrNoQuorum)
						var qe *redlock.QuorumError
						require.ErrorAs(t, err, &qe)
						assert.Equal(t, tt.outcome, qe.Nodes[2].Outcome, "%v", err)
						assert.InDelta(t, 10*time.Second, qe.Nodes[2].Remaining, float64(time.Second), "the error says how long")

						lk, err := two.Lock(t.Context(), "job")
						require.NoError(t, err)
						assert.False(t, held.Valid(), "it was worth the wait")
						assert.Greater(t, lk.Fence(), held.Fence())
						reach(q, "one", 0, 1, 2, 3, 4)
						reach(q, "two", 0, 1, 2, 3, 4)
					})
				})
			}
		})
	}
}

func TestDurableNodesVoteRightAfterARestart(t *testing.T) {
	for _, durable := range []bool{false, true} {
		bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
			var opts []redlock.Option
			if durable {
				opts = []redlock.Option{redlock.WithDurableNodes()}
			}
			l := join(t, q, "a", opts...)
			_, err := l.TryLock(t.Context(), "held")
			require.NoError(t, err)
			for _, n := range q.Nodes() {
				n.Restart(true)
			}
			_, err = l.TryLock(t.Context(), "held")
			require.Error(t, err)
			lk, err := l.TryLock(t.Context(), "job")
			if !durable {
				require.ErrorIs(t, err, redlock.ErrNoQuorum)
				return
			}
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
		})
	}
}

func TestFreshQuorumWaitsForMaxTTL(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		freshBubble(t, nodes, func(t *testing.T, q *redlocktest.Quorum) {
			l := join(t, q, "a", redlock.WithTTL(3*time.Second), redlock.WithMaxTTL(5*time.Second))
			begun := time.Now()
			_, err := l.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNoQuorum)
			assert.Contains(t, err.Error(), "quarantined for 5s")
			lk, err := l.Lock(t.Context(), "job")
			require.NoError(t, err)
			waited := time.Since(begun)
			assert.GreaterOrEqual(t, waited, 5*time.Second)
			assert.Less(t, waited, 5*time.Second+600*ms)
			require.NoError(t, lk.Unlock(t.Context()))
		})
	}
}

func TestQuarantineIsNotProlongedByOtherClients(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var lockers []*redlock.Locker
		for i := range 10 {
			l := join(t, q, fmt.Sprint(i))
			lk, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
			lockers = append(lockers, l)
		}
		for _, n := range q.Nodes() {
			n.Restart(true)
		}
		for _, l := range lockers { // each of them hears of the restart for the first time
			for range 2 { // a broken connection may cost the first attempt
				_, err := l.TryLock(t.Context(), "job")
				require.Error(t, err)
			}
			time.Sleep(time.Second)
		}
		lk, err := lockers[9].TryLock(t.Context(), "job")
		require.NoError(t, err, "ten seconds after the first one did")
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

func TestQuarantineLastsForTheLongestLock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		long := join(t, q, "long", redlock.WithTTL(time.Minute))
		short := join(t, q, "short", redlock.WithTTL(time.Second))
		held, err := long.TryLock(t.Context(), "job")
		require.NoError(t, err)
		// The others have noted the longer MaxTTL, so short learns of it from them.
		q.Node(2).Restart(false)
		begun := time.Now()
		q.Node(1).Pause()
		for time.Since(begun) < 30*time.Second {
			lk, err := short.TryLock(t.Context(), "job 2")
			if err == nil {
				t.Fatalf("node 2 voted %v after it forgot a lock of a minute: %v", time.Since(begun), lk)
			}
			time.Sleep(time.Second)
		}
		q.Node(1).Resume()
		assert.True(t, held.Valid())
	})
}

func TestSteadyDriftBeyondTheFactorIsFoundOut(t *testing.T) {
	for _, rate := range []float64{1.5, 0.5, 1.03} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a")
				q.Node(2).SetRate(rate)
				for range 100 {
					lk, err := l.TryLock(t.Context(), "job")
					require.NoError(t, err, "four are left")
					require.NoError(t, lk.Unlock(t.Context()))
					time.Sleep(100 * ms)
				}
				for i, v := range l.Voters() {
					assert.Equal(t, i == 2, v.ClockSuspect > 0, "%+v", v)
					if i == 2 {
						assert.Positive(t, v.Jumps)
						continue
					}
					assert.Zero(t, v.Jumps)
					assert.LessOrEqual(t, v.RateLow, 0.0)
					assert.GreaterOrEqual(t, v.RateHigh, 0.0)
					assert.Less(t, v.OffsetHigh-v.OffsetLow, 10*ms)
				}
			})
		})
	}
}

func TestHolderRecountsWhenVotersJump(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(time.Second)
		q.Node(0).Jump(-time.Minute)
		q.Node(1).Jump(time.Second)
		require.NoError(t, lk.Extend(t.Context()), "three of the majority are steady")
		q.Node(2).Jump(time.Second)
		err = lk.Extend(t.Context())
		require.ErrorIs(t, err, redlock.ErrLost)
		assert.Contains(t, err.Error(), "clock suspect")
		assert.Contains(t, err.Error(), "its clock jumped")
		assert.False(t, lk.Valid())
		require.ErrorIs(t, context.Cause(lk.Context()), redlock.ErrLost)
	})
}

func TestVotersThatNeverAgreedAreSuspectAtFirst(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(1).Jump(2 * time.Second) // not synchronised, and steady
		l := join(t, q, "a")
		for range 3 {
			lk, err := l.Lock(t.Context(), "job")
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
		}
		assert.Positive(t, l.Voters()[1].ClockSuspect)
		time.Sleep(5 * time.Second)
		_ = l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return nil })
		time.Sleep(5 * time.Second)
		assert.Zero(t, l.Voters()[1].ClockSuspect, "steady for MaxTTL")
		assert.Zero(t, l.Voters()[1].Jumps)
	})
}

func TestWithoutGuardsAsksNothingElse(t *testing.T) {
	for name, opt := range map[string]redlock.Option{"without guards": redlock.WithoutGuards(), "without fencing": redlock.WithoutFencing()} {
		t.Run(name, func(t *testing.T) {
			freshBubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a", opt)
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err, "a fresh voter votes")
				require.NoError(t, lk.Unlock(t.Context()))
				time.Sleep(10 * ms)
				var keys []string
				if name == "without guards" {
					keys = []string{redlock.FenceKey("job")}
				}
				assert.Equal(t, keys, append([]string(nil), q.Node(0).Keys()...))
			})
		})
	}
}

// Of five voters, one's clock is wrong. Whichever three answer first, the attempt waits for as
// many as it takes to tell which one it is.
func TestAWrongClockAtFirstContactCostsNoAttempt(t *testing.T) {
	for wrong := range 5 {
		for _, slow := range []int{(wrong + 1) % 5, (wrong + 2) % 5} {
			t.Run(fmt.Sprintf("wrong %d, slow %d", wrong, slow), func(t *testing.T) {
				bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
					q.Node(wrong).Jump(time.Hour)
					l := join(t, q, "one")
					q.Member("one").Link(slow).Delay(5*ms, 5*ms)
					q.Member("one").Link((slow+1)%5).Delay(5*ms, 5*ms)
					lk, err := l.TryLock(t.Context(), "job")
					require.NoError(t, err)
					require.NoError(t, lk.Unlock(t.Context()))
				})
			})
		}
	}
}

// A voter's clock has jumped before a client meets it, and the first replies take so long that
// they don't show it. What later replies show is what counts.
func TestSlowFirstRepliesDontVouchForAClock(t *testing.T) {
	for _, slow := range []time.Duration{0, 500 * ms} {
		t.Run(slow.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				ttl := redlock.WithTTL(30 * time.Second)
				one, two := join(t, q, "one", ttl), join(t, q, "two", ttl, redlock.WithNodeTimeout(8*time.Second))
				time.Sleep(30 * time.Second) // until the voters are enrolled for such a TTL
				reach(q, "one", 1, 2)
				reach(q, "two", 0, 1)
				held, err := one.TryLock(t.Context(), "job")
				require.NoError(t, err)
				q.Node(1).Jump(900 * ms)
				time.Sleep(time.Second)
				for i := range 2 {
					q.Member("two").Link(i).Delay(slow, slow)
				}
				_, err = two.TryLock(t.Context(), "other")
				assert.Equal(t, slow == 0, err != nil, "%v", err)
				for i := range 2 {
					q.Member("two").Link(i).Delay(0, 0)
				}
				time.Sleep(time.Second)
				_, err = two.TryLock(t.Context(), "third")
				assert.ErrorIs(t, err, redlock.ErrNoQuorum, "now it shows")
				time.Sleep(held.Remaining() - 400*ms) // the voter has dropped the lock
				lk, err := two.TryLock(t.Context(), "job")
				assert.False(t, err == nil && lk.Valid() && held.Valid(), "two holders")
				reach(q, "one", 0, 1, 2)
				reach(q, "two", 0, 1, 2)
			})
		})
	}
}

// The voters' clocks are nearly as far apart as they may be, and one makes a small step.
func TestSmallStepCostsNoLock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(0).Jump(-45 * ms)
		q.Node(2).Jump(45 * ms)
		lk, err := join(t, q, "one").TryLock(t.Context(), "job")
		require.NoError(t, err)
		for range 4 {
			time.Sleep(time.Second)
			require.NoError(t, lk.Extend(t.Context()))
		}
		q.Node(1).Jump(20 * ms)
		time.Sleep(time.Second)
		require.NoError(t, lk.Extend(t.Context()))
	})
}

// Two voters disagree about the time, and which of them is right can't be told. The second has
// been steady long enough while an attempt waits for the third.
func TestVotersBecomeReliableWhileAnAttemptWaits(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(1).Jump(time.Second)
		l := join(t, q, "one")
		reach(q, "one", 0, 1)
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		require.NotContains(t, err.Error(), "late")
		time.Sleep(5 * time.Second)
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		time.Sleep(4350 * ms)
		_, err = l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		reach(q, "one", 0, 1, 2)
	})
}
