package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
)

// loadNodeTimeout is longer than what a locker has by default (250 ms): the race detector and other tests
// can take the processor away for as long.
const loadNodeTimeout = 4 * time.Second

// A thousand waiters used to fill the voters' queues, and the holder's release was refused.
func TestRealManyWaitersOnOneName(t *testing.T) {
	servers := startVoters(t, 3)
	l := dial(t, servers, redlock.WithNodeTimeout(loadNodeTimeout))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var served atomic.Int64
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			lk, err := l.Lock(ctx, "job")
			if err != nil {
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				return
			}
			served.Add(1)
			assert.NoError(t, lk.Unlock(context.Background()))
		})
	}
	all.Wait()
	t.Logf("%d of 1000 served", served.Load())
	assert.Greater(t, served.Load(), int64(500))
	requireNothingLeft(t, 2*time.Second, servers...)
}

// A renewed lock used to be lost, since its extensions were refused for want of room.
func TestRealRenewedLockBesideManyAttempts(t *testing.T) {
	servers := startVoters(t, 3)
	l := dial(t, servers, redlock.WithTTL(6*time.Second), redlock.WithNodeTimeout(2*time.Second)) // renewed from 2 s on
	renewed, err := l.TryLock(t.Context(), "renewed", redlock.AutoRenew(true))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for range 2500 {
		all.Go(func() {
			for ctx.Err() == nil {
				if lk, err := l.TryLock(ctx, "job"); err == nil {
					assert.NoError(t, lk.Unlock(context.Background()))
				}
			}
		})
	}
	all.Wait()
	assert.NoError(t, context.Cause(renewed.Context()))
	require.NoError(t, renewed.Unlock(t.Context()))
	requireNothingLeft(t, 2*time.Second, servers...)
}

// Free names used to read as taken, since releases of earlier rounds had been refused.
func TestRealManyFreeNames(t *testing.T) {
	servers := startVoters(t, 3)
	l := dial(t, servers, redlock.WithNodeTimeout(loadNodeTimeout))
	for range 3 {
		var taken, others, unlocks atomic.Int64
		var another atomic.Value
		var all sync.WaitGroup
		for i := range 6000 {
			all.Go(func() {
				lk, err := l.TryLock(t.Context(), fmt.Sprint("job ", i))
				switch {
				case errors.Is(err, redlock.ErrNotAcquired):
					taken.Add(1)
				case err != nil:
					others.Add(1)
					another.Store(err.Error())
				case lk.Unlock(t.Context()) != nil:
					unlocks.Add(1)
				}
			})
		}
		all.Wait()
		assert.Zero(t, taken.Load(), "ErrNotAcquired")
		assert.Zero(t, others.Load(), "other errors, one of them %v", another.Load())
		assert.Zero(t, unlocks.Load(), "failed Unlocks")
	}
	requireNothingLeft(t, 2*time.Second, servers...)
}

// Twenty thousand callers, one voter of five stopped: everybody waits longer, and nothing is lost.
func TestRealTwentyThousandCallers(t *testing.T) {
	servers := startVoters(t, 5)
	l := dial(t, servers, redlock.WithNodeTimeout(loadNodeTimeout))
	use(t, l, "warm-up")
	renewed, err := l.TryLock(t.Context(), "renewed", redlock.TTL(5*time.Second), redlock.AutoRenew(true))
	require.NoError(t, err)
	servers[4].Pause()
	const lasting = 5 * time.Second
	few := load(t, l, 32, lasting)
	many := load(t, l, 10_000, lasting)
	t.Logf("locks in %v: %d with 64 goroutines, %d with 20,000", lasting, few, many)
	assert.Greater(t, many, few/5, "it must not collapse; how close the two are is a benchmark's business")
	assert.NoError(t, context.Cause(renewed.Context()))
	require.NoError(t, renewed.Unlock(t.Context()))
	requireNothingLeft(t, 2*time.Second, servers[:4]...)
	servers[4].Resume()
	requireNothingLeft(t, 10*time.Second, servers...)
}

// load has as many goroutines as each wants take one name and names of their own, and returns how many locks they got.
func load(t *testing.T, l *redlock.Locker, each int, lasting time.Duration) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lasting)
	defer cancel()
	var got atomic.Int64
	var all sync.WaitGroup
	work := func(name string) {
		for ctx.Err() == nil {
			lk, err := l.Lock(ctx, name)
			if err != nil {
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				return
			}
			got.Add(1)
			assert.NoError(t, lk.Unlock(context.Background()))
		}
	}
	for i := range each {
		all.Go(func() { work("one for all") })
		all.Go(func() { work(fmt.Sprint("own ", i)) })
	}
	all.Wait()
	return got.Load()
}

// A held lock that renews itself is a value and a few timers: no goroutine, and little memory.
func TestRealHeldLocksAreSmall(t *testing.T) {
	const locks = 1000
	l := dial(t, startVoters(t, 3), redlock.WithNodeTimeout(loadNodeTimeout), redlock.WithTTL(15*time.Second))
	held := make([]*redlock.Lock, locks)
	take := func(opts ...redlock.LockOption) {
		var all sync.WaitGroup
		for w := range 64 {
			all.Go(func() {
				for i := w; i < locks; i += 64 {
					var err error
					held[i], err = l.TryLock(t.Context(), fmt.Sprint("job ", i), opts...)
					require.NoError(t, err)
				}
			})
		}
		all.Wait()
	}
	take() // what connections and queues need
	for _, lk := range held {
		require.NoError(t, lk.Unlock(t.Context()))
	}
	clear(held)
	heap, goroutines := inUse()
	take(redlock.AutoRenew(true))
	time.Sleep(6 * time.Second) // each is renewed
	var each, more int
	assert.Eventually(t, func() bool { // not amid a renewal
		h, g := inUse()
		each, more = (h-heap)/locks, g-goroutines
		return more < 20 && each < 2500
	}, 8*time.Second, 7*time.Millisecond)
	t.Logf("%d bytes each, %d goroutines more in all", each, more)
	assert.Less(t, each, 2500, "bytes a lock")
	for _, lk := range held {
		require.NoError(t, context.Cause(lk.Context()))
	}
}

// inUse returns the bytes on the heap that something refers to, and the number of goroutines.
func inUse() (heap, goroutines int) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc), runtime.NumGoroutine()
}
