package doctor

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/clockdrift"
)

// sampleInterval is the pause between two questions to one node: short enough for percentiles
// within seconds, and no load worth mentioning.
const sampleInterval = 20 * time.Millisecond

// watched is what a node showed while it was watched.
type watched struct {
	samples []clockdrift.Sample
	lost    int   // questions without an answer
	lostErr error // what became of the last of them
}

// readClock asks a server for its time since the Unix epoch.
func readClock(client *redis.Client) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		t, err := client.Time(ctx).Result()
		return time.Duration(t.UnixNano()), err
	}
}

// watcher reads one node's clock again and again.
type watcher struct {
	clock    clockdrift.Clock
	read     func(context.Context) (time.Duration, error)
	duration time.Duration
	timeout  time.Duration // of each reading
}

// watch goes on until the duration is over or the context ends, and returns at most one
// time-out and one pause later.
func (w *watcher) watch(ctx context.Context) watched {
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	var seen watched
	// The duration is no deadline of the context, or its end would make a loss of the answer
	// that is under way.
	for began := w.clock.Now(); w.clock.Now()-began < w.duration; {
		w.sample(ctx, &seen)
		select {
		case <-ctx.Done():
			return seen
		case <-ticker.C:
		}
	}
	return seen
}

func (w *watcher) sample(ctx context.Context, seen *watched) {
	asking, done := context.WithTimeout(ctx, w.timeout)
	defer done()
	s := clockdrift.Sample{Sent: w.clock.Now()}
	var err error
	s.Time, err = w.read(asking)
	s.Received = w.clock.Now()
	switch {
	case err == nil:
		seen.samples = append(seen.samples, s)
	case ctx.Err() == nil: // else we cut it off ourselves
		seen.lost, seen.lostErr = seen.lost+1, err
	}
}

// answerTimes returns how long each answer took, in ascending order.
func (w *watched) answerTimes() []time.Duration {
	times := make([]time.Duration, len(w.samples))
	for i, s := range w.samples {
		times[i] = s.Received - s.Sent
	}
	slices.Sort(times)
	return times
}

// percentile returns the smallest of the sorted times that at least the fraction p of them
// don't exceed (the nearest rank); 0 if there are none.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
