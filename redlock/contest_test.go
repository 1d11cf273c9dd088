package redlock_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// contest lets lockers ask for one name at the same moment, again and again, and returns in how many rounds none got it, and how often one
// had it beside another. One after the other is fine: whoever waited for the lead voter may come when the first has given it back.
func contest(t *testing.T, lockers []*redlock.Locker, rounds int) (nobody, several int) {
	random := rand.New(rand.NewPCG(1, 0))
	for range rounds {
		var won, holding, beside atomic.Int64
		var all sync.WaitGroup
		for _, l := range lockers {
			late := time.Duration(random.Int64N(int64(200 * time.Microsecond)))
			all.Go(func() {
				time.Sleep(late)
				begun := time.Now()
				lk, err := l.TryLock(t.Context(), "job")
				assert.LessOrEqual(t, time.Since(begun), 2*nodeTimeout)
				if err != nil {
					assert.ErrorIs(t, err, redlock.ErrNotAcquired)
					return
				}
				won.Add(1)
				if holding.Add(1) > 1 {
					beside.Add(1)
				}
				time.Sleep(5 * ms)
				holding.Add(-1)
				assert.NoError(t, lk.Unlock(t.Context()))
			})
		}
		all.Wait()
		if won.Load() == 0 {
			nobody++
		}
		several += int(beside.Load())
		time.Sleep(5 * ms)
	}
	return nobody, several
}

// Five clients that ask at once used to take so many voters from each other that a third of the time nobody had a majority.
func TestSplitVotesEndInAWinner(t *testing.T) {
	for _, nodes := range []int{3, 5, 8} {
		for mode, opts := range map[string][]redlock.Option{"guarded": nil, "fenced": {redlock.WithoutGuards()}, "plain": {redlock.WithoutFencing()}} {
			t.Run(fmt.Sprintf("%d nodes, %s", nodes, mode), func(t *testing.T) {
				bubble(t, nodes, func(t *testing.T, q *redlocktest.Quorum) {
					var lockers []*redlock.Locker
					for i := range 5 {
						lockers = append(lockers, join(t, q, fmt.Sprint(i), append(opts, redlock.WithNodeTimeout(nodeTimeout))...))
						warmUp(t, lockers[i])
					}
					nobody, several := contest(t, lockers, 200)
					assert.Zero(t, nobody, "nobody won")
					assert.Zero(t, several, "several had it")
				})
			})
		}
	}
}

// The lead voter may be any, the one that is stopped included.
func TestSplitVotesEndInAWinnerWithAVoterStopped(t *testing.T) {
	for stopped := range 5 {
		bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
			var lockers []*redlock.Locker
			for i := range 4 {
				lockers = append(lockers, join(t, q, fmt.Sprint(i), redlock.WithNodeTimeout(nodeTimeout)))
				warmUp(t, lockers[i])
			}
			q.Node(stopped).Pause()
			nobody, several := contest(t, lockers, 100)
			assert.LessOrEqual(t, nobody, len(lockers), "once each client has to find out")
			assert.Zero(t, several)
			q.Node(stopped).Resume()
			time.Sleep(time.Second)
		})
	}
}

// A refusal by whoever holds the lock takes one round trip, and sends nothing twice.
func TestHeldLockIsAskedForOnce(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		holder, other := join(t, q, "holder"), join(t, q, "other")
		warmUp(t, other)
		lk, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(ms)
		before := commands(q)
		within(t, 2*ms, func() {
			_, err := other.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)
		})
		time.Sleep(ms)
		assert.LessOrEqual(t, commands(q)-before, 5*2, "a look and an attempt at each voter")
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// commands counts what all nodes have carried out.
func commands(q *redlocktest.Quorum) int {
	n := 0
	for _, node := range q.Nodes() {
		n += node.Commands()
	}
	return n
}

// Clients that try again and again without a pause don't take each other's voters: the lead voter is asked first.
func TestAttemptsWithoutAPauseAreWon(t *testing.T) {
	for _, c := range []struct {
		name      string
		processes int
		opts      []redlock.Option
	}{{"guarded", 4, nil}, {"plain", 4, []redlock.Option{redlock.WithoutFencing()}}, {"goroutines of one process", 1, nil}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				var lockers []*redlock.Locker
				for i := range c.processes {
					l := join(t, q, fmt.Sprint(i), c.opts...)
					for voter := range 5 {
						q.Member(fmt.Sprint(i)).Link(voter).Delay(ms, ms)
					}
					warmUp(t, l)
					lockers = append(lockers, l)
				}
				var won atomic.Int64
				var all sync.WaitGroup
				for i := range 4 {
					all.Go(func() { won.Add(tryFor(t, lockers[i%len(lockers)], 2*time.Second)) })
				}
				all.Wait()
				t.Logf("%d locks", won.Load())
				// A round trip is 2 ms, and a turn is three: the lead voter, the others, the release.
				assert.Greater(t, won.Load(), int64(200))
			})
		})
	}
}

// tryFor tries to take the lock, without a pause, and returns how often it had it.
func tryFor(t *testing.T, l *redlock.Locker, d time.Duration) (won int64) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		lk, err := l.TryLock(t.Context(), "job")
		if err != nil {
			assert.ErrorIs(t, err, redlock.ErrNotAcquired)
			continue
		}
		won++
		assert.NoError(t, lk.Unlock(t.Context()))
	}
	return won
}

// The lead voter alone doesn't refuse a lock: it may name a holder that is gone.
func TestLeadVoterAloneRefusesNothing(t *testing.T) {
	for lead := range 3 {
		bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
			holder, other := join(t, q, "holder"), join(t, q, "other")
			lk, err := holder.TryLock(t.Context(), "job")
			require.NoError(t, err)
			_, err = other.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired, "from now on it's known that others want it")
			require.NoError(t, lk.Unlock(t.Context()))
			q.Node(lead).Set("job", "0123456789abcdef0123456789abcdef", time.Minute)
			begun := time.Now()
			lk, err = other.TryLock(t.Context(), "job")
			require.NoError(t, err)
			assert.Less(t, time.Since(begun), 20*ms)
			require.NoError(t, lk.Unlock(t.Context()))
		})
	}
}

// Who has the lock for longer is named at once.
func TestKnownHolderIsNamedWithoutAPause(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		holder, other := join(t, q, "holder"), join(t, q, "other")
		for voter := range 3 {
			q.Member("other").Link(voter).Delay(5*ms, 5*ms)
		}
		warmUp(t, other)
		_, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		for range 5 {
			begun := time.Now()
			_, err := other.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)
			assert.Less(t, time.Since(begun), 25*ms, "two round trips, and no pause")
		}
	})
}
