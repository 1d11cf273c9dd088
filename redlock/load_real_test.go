package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
)

// A thousand waiters used to fill the voters' queues, and the holder's release was refused.
func TestRealManyWaitersOnOneName(t *testing.T) {
	servers := startVoters(t, 3)
	l := dial(t, servers)
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
	l := dial(t, servers, redlock.WithTTL(3*time.Second))
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
	l := dial(t, servers)
	for range 3 {
		var taken, others, unlocks atomic.Int64
		var all sync.WaitGroup
		for i := range 6000 {
			all.Go(func() {
				lk, err := l.TryLock(t.Context(), fmt.Sprint("job ", i))
				switch {
				case errors.Is(err, redlock.ErrNotAcquired):
					taken.Add(1)
				case err != nil:
					others.Add(1)
				case lk.Unlock(t.Context()) != nil:
					unlocks.Add(1)
				}
			})
		}
		all.Wait()
		assert.Zero(t, taken.Load(), "ErrNotAcquired")
		assert.Zero(t, others.Load(), "other errors")
		assert.Zero(t, unlocks.Load(), "failed Unlocks")
	}
	requireNothingLeft(t, 2*time.Second, servers...)
}
