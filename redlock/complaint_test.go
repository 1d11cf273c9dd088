package redlock_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Whoever waits for a quorum that isn't there hears of it, and once for all of the locker's goroutines. Whoever waits for
// another's lock doesn't, unless that is none and never ends.
func TestWaitingInVainIsLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		use(t, l, "warm-up")
		wait := func(d time.Duration, name string, want error) {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			_, err := l.Lock(ctx, name)
			assert.ErrorIs(t, err, want)
		}
		held, err := l.TryLock(t.Context(), "held", redlock.AutoRenew(true))
		require.NoError(t, err)
		wait(20*time.Second, "held", redlock.ErrNotAcquired)
		require.NoError(t, held.Unlock(t.Context()))
		assert.Empty(t, log.String())

		for i := range 3 {
			q.Node(i).Set("data", "no lock", 0)
		}
		wait(20*time.Second, "data", redlock.ErrNotAcquired)
		assert.Contains(t, log.String(), "since its key has no TTL")
		log.Reset()
		time.Sleep(time.Minute)

		q.Node(0).Pause()
		q.Node(1).Pause()
		wait(9*time.Second, "job", redlock.ErrNoQuorum)
		assert.Empty(t, log.String())
		var all sync.WaitGroup
		for _, name := range []string{"job", "another job"} {
			all.Go(func() { wait(40*time.Second, name, redlock.ErrNoQuorum) })
		}
		all.Wait()
		assert.Equal(t, 1, strings.Count(log.String(), "too few voters are of use"), log.String())
		assert.Contains(t, log.String(), q.Node(0).Addr())
	})
}

// What may be the reason for a silence stands in the error.
func TestSilenceNamesTheOption(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		use(t, l, "warm-up")
		q.Node(0).Pause()
		q.Node(1).Pause()
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		assert.ErrorContains(t, err, "raise WithNodeTimeout, which is 250ms")
		ctx, cancel := context.WithTimeout(t.Context(), 100*ms)
		defer cancel()
		_, err = l.TryLock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotContains(t, err.Error(), "WithNodeTimeout", "it was the caller who didn't wait")
	})
}

// The allowance is for those that are likely to answer: a voter that has hung isn't waited for any longer.
func TestHungVotersGetNoAllowance(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		use(t, l, "job")
		time.Sleep(2 * time.Second)
		q.Node(0).Pause()
		q.Node(1).Pause()
		took := func() time.Duration {
			begun := time.Now()
			_, err := l.TryLock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrNoQuorum)
			return time.Since(begun)
		}
		assert.Equal(t, 250*ms, took())
		time.Sleep(2 * time.Minute) // connections may have to be set up again
		q.Node(0).Resume()
		q.Node(1).Resume()
		time.Sleep(2 * time.Minute)
		use(t, l, "job")
		time.Sleep(40 * time.Second)
		q.Node(0).Pause()
		q.Node(1).Pause()
		assert.Equal(t, time.Second, took(), "it may be the connections")
		assert.Equal(t, 250*ms, took(), "it was more than that")
	})
}
