package redlock_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// countPlanted counts, from now on, at how many voters the lock is there whenever one is about to run
// a script.
func countPlanted(q *redlocktest.Quorum, name string) *atomic.Int64 {
	seen := new(atomic.Int64) // each node has a goroutine of its own
	for _, n := range q.Nodes() {
		n.OnCommand(func(c redlocktest.Command) {
			if strings.HasPrefix(c.Name, "EVAL") {
				seen.Add(int64(taken(q, name)))
			}
		})
	}
	return seen
}

// A request that was stuck in a stopped server or on the wire must not plant a lock when its
// attempt is long over.
func TestGhostGuard(t *testing.T) {
	for name, opts := range map[string][]redlock.Option{"guarded": nil, "classic": {redlock.WithoutGuards()}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a", opts...)
				warm, err := l.TryLock(t.Context(), "warm-up")
				require.NoError(t, err)
				require.NoError(t, warm.Unlock(t.Context()))
				for i := range 3 {
					q.Member("a").Link(i).CutRequests()
				}
				_, err = l.TryLock(t.Context(), "job")
				require.ErrorIs(t, err, redlock.ErrNoQuorum)
				time.Sleep(300 * ms)
				// Only the acquisition arrives: what was sent later is still on its way.
				seen := countPlanted(q, "job")
				for i := range 3 {
					q.Member("a").Link(i).Heal()
				}
				time.Sleep(5 * time.Second)
				assert.Zero(t, taken(q, "job"))
				if name == "classic" {
					assert.Positive(t, seen.Load(), "without the guard the lock is planted, and released later")
				} else {
					assert.Zero(t, seen.Load(), "with it there's nothing to release")
				}
			})
		})
	}
}

// As TestGhostGuard, but the client was idle before.
func TestGhostGuardAfterSilence(t *testing.T) {
	for _, idle := range []time.Duration{-1, 0, time.Minute, 20 * time.Minute} { // -1: first contact
		t.Run(idle.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a")
				if idle >= 0 {
					warmUp(t, l)
					time.Sleep(idle)
				}
				for i := range 3 {
					q.Node(i).Pause()
				}
				_, err := l.TryLock(t.Context(), "job")
				require.ErrorIs(t, err, redlock.ErrNoQuorum)
				time.Sleep(300 * ms) // the attempt is long over
				seen := countPlanted(q, "job")
				for i := range 3 {
					q.Node(i).Resume()
				}
				time.Sleep(5 * time.Second)
				assert.Zero(t, seen.Load(), "ghosts were planted")
			})
		})
	}
}

// The first look at the clocks is slow; when it's over, so is the attempt.
func TestGhostGuardAtFirstContact(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		warmUp(t, join(t, q, "loads the scripts"))
		l := join(t, q, "a")
		for i := range 3 {
			q.Member("a").Link(i).HoldRequests()
		}
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		time.Sleep(300 * ms)
		seen := countPlanted(q, "job")
		for i := range 3 {
			q.Member("a").Link(i).Release()
		}
		time.Sleep(5 * time.Second)
		assert.Zero(t, seen.Load(), "ghosts were planted")
	})
}
