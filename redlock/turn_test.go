package redlock_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestGoroutinesOfAProcessAreServedInTurn(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		held, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		var order []int // guarded by the lock
		var waiting sync.WaitGroup
		cancelled, cancel := context.WithCancel(t.Context())
		for i := range 20 {
			waiting.Go(func() {
				ctx := t.Context()
				if i%2 == 1 {
					ctx = cancelled
				}
				lk, err := l.Lock(ctx, "job")
				if i%2 == 1 {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				if assert.NoError(t, err) {
					order = append(order, i)
					assert.NoError(t, lk.Unlock(ctx))
				}
			})
			time.Sleep(ms)
		}
		cancel()
		synctest.Wait()
		begun := time.Now()
		require.NoError(t, held.Unlock(t.Context()))
		waiting.Wait()
		assert.Equal(t, []int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}, order)
		assert.Less(t, time.Since(begun), 100*ms, "the next one asks as soon as the lock is given back")
	})
}

// Without that the first would find out by its next attempt, up to 256 ms later.
func TestUnlockWakesTheFirstInLine(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for range 10 {
			held, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			var waiting sync.WaitGroup
			var got time.Time
			waiting.Go(func() {
				lk, err := l.Lock(t.Context(), "job")
				got = time.Now()
				if assert.NoError(t, err) {
					assert.NoError(t, lk.Unlock(t.Context()))
				}
			})
			time.Sleep(5 * time.Second) // the pauses have grown
			begun := time.Now()
			require.NoError(t, held.Unlock(t.Context()))
			waiting.Wait()
			require.Less(t, got.Sub(begun), 10*ms)
		}
	})
}

func TestLockedOutWaiterSaysItWasInLine(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		_, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := make(chan error, 1)
		go func() { _, err := l.Lock(ctx, "job"); first <- err }()
		synctest.Wait()
		_, err = l.Lock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, redlock.ErrNotAcquired, "it never asked")
		assert.ErrorContains(t, err, "behind others of this process")
		require.ErrorIs(t, <-first, redlock.ErrNotAcquired)
	})
}

// While no other process wants the lock, the next attempt goes along with the release: a turn is one round trip.
func TestTurnsOfAProcessAreOneRoundTripEach(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		const goroutines, each = 8, 10
		l := join(t, q, "a", redlock.WithNodeTimeout(time.Second))
		for i := range 5 {
			q.Member("a").Link(i).Delay(5*ms, 5*ms)
		}
		warmUp(t, l)
		before, begun := commands(q), time.Now()
		takeTurns(t, l, goroutines, each)
		turns := float64(goroutines * each)
		perTurn := time.Since(begun).Seconds() / turns
		t.Logf("%.1f ms and %.1f commands of each voter a turn", perTurn*1000, float64(commands(q)-before)/5/turns)
		assert.Less(t, perTurn, 0.015, "a round trip is 10 ms, and two would be 20")
		assert.LessOrEqual(t, float64(commands(q)-before)/5/turns, 2.5, "the release and the attempt")
	})
}

// takeTurns has goroutines take the lock so many times each.
func takeTurns(t *testing.T, l *redlock.Locker, goroutines, each int) {
	var running sync.WaitGroup
	for range goroutines {
		running.Go(func() {
			for range each {
				lk, err := l.Lock(t.Context(), "job")
				if !assert.NoError(t, err) {
					return
				}
				assert.NoError(t, lk.Unlock(t.Context()))
			}
		})
	}
	running.Wait()
}

// The goroutines of one process don't hand the lock on among themselves while another process waits for it.
func TestTurnsOfAProcessLetOthersIn(t *testing.T) {
	for _, c := range []struct {
		hold   time.Duration // the last is longer than it's remembered that others wait
		rounds int
		most   int64 // turns of the busy process before the other one's. Those that take no time may be some more: one in 80 runs had 9
	}{{0, 2, 16}, {ms, 2, 4}, {100 * ms, 20, 4}, {2500 * ms, 20, 4}} {
		t.Run(c.hold.String(), func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				busy, other := join(t, q, "busy"), join(t, q, "other")
				warmUp(t, busy)
				warmUp(t, other)
				var turns atomic.Int64
				stop, end := context.WithCancel(t.Context())
				var running sync.WaitGroup
				for range 8 {
					running.Go(func() {
						for {
							lk, err := busy.Lock(stop, "job")
							if err != nil {
								return
							}
							turns.Add(1)
							time.Sleep(c.hold)
							assert.NoError(t, lk.Unlock(context.WithoutCancel(stop)))
						}
					})
				}
				most := int64(0)
				for range c.rounds {
					time.Sleep(3 * time.Second) // so that nobody remembers
					before := turns.Load()
					lk, err := other.Lock(t.Context(), "job")
					require.NoError(t, err)
					most = max(most, turns.Load()-before)
					require.NoError(t, lk.Unlock(t.Context()))
				}
				end()
				running.Wait()
				t.Logf("at most %d turns of the busy process before the other one's", most)
				assert.LessOrEqual(t, most, c.most)
			})
		})
	}
}
