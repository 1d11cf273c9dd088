package doctor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
)

const ms = time.Millisecond

// watchFor watches a node in virtual time, and returns how long that took.
func watchFor(ctx context.Context, duration time.Duration, read func(context.Context, time.Duration) error) (watched, time.Duration) {
	began := time.Now()
	clock := clockdrift.ClockFunc(func() time.Duration { return time.Since(began) })
	w := watcher{clock: clock, duration: duration, timeout: 300 * ms}
	w.read = func(ctx context.Context) (time.Duration, error) { return clock.Now(), read(ctx, clock.Now()) }
	return w.watch(ctx), clock.Now()
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, took := watchFor(t.Context(), time.Second, func(context.Context, time.Duration) error {
			time.Sleep(5 * ms)
			return nil
		})
		assert.Equal(t, time.Second, took)
		assert.Len(t, w.samples, 50, "one every 20 ms")
		assert.Zero(t, w.lost)
		assert.Equal(t, 5*ms, percentile(w.answerTimes(), 1))
	})
}

func TestWatchCountsLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("connection reset")
		w, _ := watchFor(t.Context(), time.Second, func(_ context.Context, now time.Duration) error {
			if now >= 500*ms {
				return broken
			}
			return nil
		})
		assert.Len(t, w.samples, 25)
		assert.Equal(t, 25, w.lost)
		assert.Equal(t, broken, w.lostErr)
	})
}

func TestWatchOfAHungNodeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, took := watchFor(t.Context(), time.Second, func(ctx context.Context, _ time.Duration) error {
			<-ctx.Done()
			return ctx.Err()
		})
		assert.LessOrEqual(t, took, time.Second+300*ms+sampleInterval)
		assert.Empty(t, w.samples)
		assert.Equal(t, 4, w.lost)
		assert.ErrorIs(t, w.lostErr, context.DeadlineExceeded)
	})
}

func TestWatchEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*ms, cancel)
		w, took := watchFor(ctx, time.Hour, func(ctx context.Context, now time.Duration) error {
			if now < 50*ms {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		assert.Equal(t, 100*ms, took)
		assert.Len(t, w.samples, 3)
		assert.Zero(t, w.lost, "we cut it off ourselves")
	})
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0: 1, 0.5: 100, 0.9: 180, 0.99: 198, 0.999: 200, 1: 200} {
		assert.Equal(t, want, percentile(sorted, p), "%v", p)
	}
	require.Equal(t, time.Duration(7), percentile([]time.Duration{7}, 0.5))
	require.Zero(t, percentile(nil, 0.5))
}
