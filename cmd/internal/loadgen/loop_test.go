package loadgen

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

var errTaken, errLost = errors.New("taken"), errors.New("lost")

// fakeLocker is a lock whose every step takes a known time. Who waits for a name gets it in the order
// of asking.
type fakeLocker struct {
	acquire, release time.Duration
	attempt          func(n int) error // of the n-th attempt, from 0; nil is success
	returned         error             // of every release

	mu       sync.Mutex
	attempts int
	held     map[string]chan struct{}
	names    map[string]int // acquisitions
}

func (f *fakeLocker) Lock(ctx context.Context, name string) (Lease, error) {
	lock := f.of(name)
	select {
	case lock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	lease, err := f.TryLock(ctx, name)
	if err != nil {
		<-lock
	}
	return lease, err
}

// TryLock succeeds whatever others hold, unless the test says otherwise.
func (f *fakeLocker) TryLock(_ context.Context, name string) (Lease, error) {
	time.Sleep(f.acquire)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.attempts
	f.attempts++
	if f.attempt != nil {
		if err := f.attempt(n); err != nil {
			return nil, err
		}
	}
	if f.names == nil {
		f.names = make(map[string]int)
	}
	f.names[name]++
	return fakeLease{f, name}, nil
}

func (f *fakeLocker) of(name string) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = make(map[string]chan struct{})
	}
	if f.held[name] == nil {
		f.held[name] = make(chan struct{}, 1)
	}
	return f.held[name]
}

func (f *fakeLocker) Kind(err error) string { return err.Error() }
func (f *fakeLocker) Close() error          { return nil }

type fakeLease struct {
	locker *fakeLocker
	name   string
}

func (l fakeLease) Release(context.Context) error {
	time.Sleep(l.locker.release)
	select {
	case <-l.locker.of(l.name):
	default: // it was only tried
	}
	return l.locker.returned
}

// run carries out a plan in virtual time, which begins a second from now.
func run(t *testing.T, locker *fakeLocker, plan Plan) *Result {
	var r *Result
	synctest.Test(t, func(t *testing.T) {
		plan.Prefix = "name "
		plan.Total = max(plan.Total, plan.Clients)
		plan.Start = time.Hour // on a boot clock that the test doesn't have
		start := time.Now().Add(time.Second)
		r = Run(t.Context(), locker, plan, start)
		assert.LessOrEqual(t, time.Since(start), plan.Duration+plan.Hold+locker.acquire+locker.release)
	})
	return r
}

// about asserts that a duration is as expected, to the three digits that are kept.
func about(t *testing.T, want, got time.Duration) {
	t.Helper()
	assert.InDelta(t, float64(want), float64(got), float64(want)/500+float64(time.Microsecond))
}

func TestClosedLoop(t *testing.T) {
	r := run(t, &fakeLocker{acquire: 2 * time.Millisecond, release: time.Millisecond},
		Plan{Clients: 3, Names: 3, Hold: 3 * time.Millisecond, Rest: 4 * time.Millisecond, Duration: time.Second})
	assert.Equal(t, []int64{100, 100, 100}, r.PerClient, "one in 10 ms")
	assert.EqualValues(t, 300, r.Locks)
	about(t, 2*time.Millisecond, r.Acquire.Percentile(50))
	about(t, 2*time.Millisecond, r.Acquire.Max())
	about(t, time.Millisecond, r.Release.Percentile(99))
	assert.Empty(t, r.Turns, "nobody contends")
	assert.Empty(t, r.Failed)
	assert.Zero(t, r.Unfinished)
}

// A server that stands still for a while keeps everybody waiting that an open loop meant to begin
// meanwhile, also where no goroutine was free to do so.
func TestOpenLoopCountsFromTheIntendedStart(t *testing.T) {
	locker := &fakeLocker{acquire: time.Millisecond, attempt: func(n int) error {
		if n == 100 {
			time.Sleep(500 * time.Millisecond)
		}
		return nil
	}}
	r := run(t, locker, Plan{Clients: 1, Names: 1, Rate: 100, Duration: 2 * time.Second})
	assert.EqualValues(t, 200, r.Locks, "the schedule is caught up with")
	about(t, 501*time.Millisecond, r.Acquire.Max())
	// Those meant to begin in the 500 ms waited for what was left of them, and then for each other.
	about(t, time.Millisecond, r.Acquire.Percentile(50))
	assert.Greater(t, r.Acquire.Percentile(75), 5*time.Millisecond)
	assert.Greater(t, r.Acquire.Percentile(90), 250*time.Millisecond)
}

func TestOpenLoopCountsWhatNobodyBegan(t *testing.T) {
	// Two clients finish 20 a second of the 100.
	r := run(t, &fakeLocker{acquire: 100 * time.Millisecond}, Plan{Clients: 2, Names: 2, Rate: 100, Duration: time.Second})
	assert.EqualValues(t, 100, r.Locks+r.Unfinished)
	assert.EqualValues(t, 100, r.Acquire.Count())
	assert.InDelta(t, 20, r.Locks, 2)
}

func TestWaitsThatTheEndCutsShortCount(t *testing.T) {
	r := run(t, &fakeLocker{}, Plan{Clients: 4, Names: 1, Hold: time.Hour, Duration: 10 * time.Second})
	assert.EqualValues(t, 1, r.Locks)
	assert.EqualValues(t, 3, r.Unfinished)
	assert.EqualValues(t, 4, r.Acquire.Count())
	about(t, 10*time.Second, r.Acquire.Percentile(99))
	never := 0
	for _, turn := range r.Turns {
		assert.Equal(t, time.Hour, turn.Asked, "on the boot clock")
		if turn.Acquired == Never {
			never++
		}
	}
	assert.Equal(t, 3, never)
}

func TestFailedAttemptsGoOnWaiting(t *testing.T) {
	locker := &fakeLocker{acquire: time.Millisecond, returned: errLost, attempt: func(n int) error {
		if n%4 < 3 {
			return errTaken
		}
		return nil
	}}
	for _, try := range []bool{false, true} {
		locker.attempts, locker.held = 0, nil // channels belong to one virtual time
		r := run(t, locker, Plan{Clients: 1, Names: 1, Try: try, Duration: 400 * time.Millisecond})
		assert.EqualValues(t, 100, r.Locks)
		assert.Equal(t, map[string]int64{"taken": 300}, r.Failed)
		assert.Equal(t, map[string]int64{"lost": 100}, r.ReleaseFailed)
		about(t, 4*time.Millisecond, r.Acquire.Percentile(50))
	}
}

func TestTurns(t *testing.T) {
	const ms = time.Millisecond
	r := run(t, &fakeLocker{acquire: ms, release: 2 * ms},
		Plan{First: 6, Clients: 1, Total: 8, Names: 5, Hold: 3 * ms, Rest: 4 * ms, Duration: 20 * ms})
	assert.Equal(t, []Turn{
		{1, time.Hour, time.Hour + ms, time.Hour + 4*ms},
		{1, time.Hour + 10*ms, time.Hour + 11*ms, time.Hour + 14*ms},
	}, r.Turns)
}

// Clients try at the same moments, once each, and miss those at which they're busy.
func TestTogether(t *testing.T) {
	const ms = time.Millisecond
	locker := &fakeLocker{acquire: ms, attempt: func(n int) error {
		if n%2 == 0 {
			return errTaken
		}
		return nil
	}}
	plan := Plan{Clients: 2, Names: 1, Every: 10 * ms, Duration: 40 * ms}
	r := run(t, locker, plan)
	assert.EqualValues(t, 4, r.Locks)
	assert.Equal(t, map[string]int64{"taken": 4}, r.Failed, "nobody tries twice")
	won := make(map[time.Duration]int)
	for _, turn := range r.Turns {
		if turn.Acquired == Never {
			won[turn.Asked] += 10
		} else {
			won[turn.Asked]++
		}
	}
	assert.Equal(t, map[time.Duration]int{time.Hour: 11, time.Hour + 10*ms: 11, time.Hour + 20*ms: 11, time.Hour + 30*ms: 11}, won)

	plan.Clients, plan.Hold = 1, 12*ms
	locker.attempt, locker.held = nil, nil
	assert.EqualValues(t, 2, run(t, locker, plan).Locks, "it holds the lock at every second moment")
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 950*time.Millisecond)
		defer cancel()
		start := time.Now()
		r := Run(ctx, &fakeLocker{acquire: time.Millisecond}, Plan{Clients: 2, Total: 2, Names: 1, Rate: 10, Duration: time.Hour}, start)
		assert.Equal(t, 950*time.Millisecond, time.Since(start))
		assert.EqualValues(t, 10, r.Locks)
	})
}

// Whatever the numbers, clients contend if there are fewer names than clients, and only then.
func TestNames(t *testing.T) {
	for names := 1; names <= 12; names++ {
		for total := 1; total <= 12; total++ {
			owners := make(map[int]map[int]bool)
			p := Plan{Total: total, Names: names}
			for client := range total {
				for _, own := range p.names(client) {
					n := own.number
					if owners[n] == nil {
						owners[n] = make(map[int]bool)
					}
					owners[n][client] = true
				}
			}
			label := fmt.Sprintf("%d names, %d clients", names, total)
			assert.Len(t, owners, names, label)
			for n, clients := range owners {
				assert.Less(t, n, names, label)
				if !p.Contended() {
					assert.Len(t, clients, 1, label)
				}
				assert.LessOrEqual(t, len(clients), (total+names-1)/names, label)
			}
		}
	}
}

func BenchmarkLoop(b *testing.B) {
	b.ReportAllocs()
	l := &loop{plan: Plan{Names: 1, Total: 1, Duration: time.Hour}, start: time.Now(), result: &Result{Acquire: NewLatencies(), Release: NewLatencies()}}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	l.locker = endlessLocker{func() {
		if n++; n == b.N {
			cancel()
		}
	}}
	c := &client{loop: l, names: []name{{0, "name"}}}
	l.result.PerClient = make([]int64, 1)
	c.run(ctx)
}

// endlessLocker does nothing.
type endlessLocker struct{ acquired func() }

func (e endlessLocker) Lock(context.Context, string) (Lease, error) { e.acquired(); return e, nil }
func (e endlessLocker) TryLock(ctx context.Context, name string) (Lease, error) {
	return e.Lock(ctx, name)
}
func (endlessLocker) Release(context.Context) error { return nil }
func (endlessLocker) Kind(error) string             { return "" }
func (endlessLocker) Close() error                  { return nil }
