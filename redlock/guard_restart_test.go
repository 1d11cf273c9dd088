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
			assert.Regexp(t, `quarantined for 5(\.\d+)?s`, err.Error(), "MaxTTL, and what clocks may be off")
			lk, err := l.Lock(t.Context(), "job")
			require.NoError(t, err)
			waited := time.Since(begun)
			assert.GreaterOrEqual(t, waited, 5*time.Second)
			assert.Less(t, waited, 5*time.Second+800*ms)
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
		for _, l := range append(lockers, lockers[0]) { // each of them hears of the restart for the first time
			for range 2 { // a broken connection may cost the first attempt
				_, err := l.TryLock(t.Context(), "job")
				require.Error(t, err)
			}
			time.Sleep(time.Second)
		}
		lk, err := lockers[9].TryLock(t.Context(), "job")
		require.NoError(t, err, "MaxTTL, and twice the largest error of a clock, after the first one did")
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
		q.Node(1).Set(redlock.FenceKey("job"), "1", ms)
		time.Sleep(5 * ms)
		_, _ = durable.TryLock(t.Context(), "another job")
		_, err = two.TryLock(t.Context(), "job")
		assert.Error(t, err, "held %v", held.Remaining())
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 0, 1, 2)
	})
}

// A locker with a long MaxTTL that doesn't get its lock changes nothing for the others
// (https://github.com/lukas-krecan/ShedLock/issues/732).
func TestRefusedLockerWithALongMaxTTLChangesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		restart bool // a voter has forgotten, and it's the long one that meets it first
		wait    time.Duration
	}{"a healthy quorum": {false, 0}, "a voter that has forgotten": {true, 11 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				short := join(t, q, "short")
				long := join(t, q, "long", redlock.WithMaxTTL(time.Hour))
				held, err := short.TryLock(t.Context(), "job", redlock.AutoRenew(true))
				require.NoError(t, err)
				if tt.restart {
					q.Node(2).Restart(false)
				}
				for range 3 {
					_, err = long.TryLock(t.Context(), "job", redlock.TTL(time.Hour))
					require.Error(t, err)
					time.Sleep(100 * ms)
				}
				warmUp(t, short)
				time.Sleep(tt.wait)
				q.Node(0).Pause() // so that both others are needed
				lk, err := short.TryLock(t.Context(), "job 2")
				require.NoError(t, err, "%+v", short.Voters())
				require.NoError(t, lk.Unlock(t.Context()))
				q.Node(0).Resume()
				require.NoError(t, held.Unlock(t.Context()))
			})
		})
	}
}

// The quarantine of a voter is measured by the time that all agree on, after the client has
// heard of its enrolment. What the network held up can't shorten it.
func TestLateAdmissionDoesntShortenTheQuarantine(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		one, two, other := join(t, q, "one"), join(t, q, "two"), join(t, q, "other")
		warmUp(t, two)
		q.Node(2).Restart(false)
		admissions := 0
		q.Node(2).OnCommand(func(c redlocktest.Command) { // admit.lua is held up, whatever goes before it
			if c.Member == "other" {
				if admissions++; admissions == 4 {
					q.Member("other").Link(2).HoldRequests()
				}
			}
		})
		for range 3 {
			warmUp(t, other)
			time.Sleep(50 * ms)
		}
		require.True(t, q.Node(2).Running())
		time.Sleep(6 * time.Second)
		reach(q, "one", 0, 2)
		reach(q, "two", 1, 2)
		q.Node(2).Restart(false) // forgets again
		lk, err := one.Lock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(2).Restart(false) // and again, with the lock
		q.Member("other").Link(2).Release()
		for lk.Valid() {
			got, err := two.TryLock(t.Context(), "job")
			require.False(t, err == nil && got.Valid() && lk.Valid(), "two holders")
			time.Sleep(500 * ms)
		}
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 0, 1, 2)
	})
}

// Between the look at the server and the grant, the server forgets. A missing marker doesn't count
// as old, whether or not the grant's batch began with a look.
func TestVoterThatForgetsAmidABatchDoesntVote(t *testing.T) {
	for name, at := range map[string]struct {
		rest   time.Duration // longer than the connection is held on to, or not
		script int
	}{
		"after a rest": {time.Second, 2}, // after enrol.lua, before grant.lua
		"at once":      {0, 1},           // the look was an exchange ago
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a")
				warmUp(t, l)
				time.Sleep(at.rest)
				scripts := 0
				q.Node(0).OnCommand(func(c redlocktest.Command) {
					if c.Name == "EVALSHA" {
						if scripts++; scripts == at.script {
							q.Node(0).Flush()
						}
					}
				})
				_, err := l.TryLock(t.Context(), "job")
				var qe *redlock.QuorumError
				require.ErrorAs(t, err, &qe)
				assert.Equal(t, redlock.Quarantined, qe.Nodes[0].Outcome)
				assert.Zero(t, taken(q, "job"))
				ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
				defer cancel()
				_, err = l.Lock(ctx, "job")
				require.NoError(t, err, "somebody has said from when on it votes")
			})
		})
	}
}
