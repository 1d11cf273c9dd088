package redlock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// discipline keeps a node's clock right as a time server does: it runs half a thousandth too
// fast, or too slow, and is put right by a step whenever it's that far off.
func discipline(ctx context.Context, n *redlocktest.Node, ahead bool, step, first time.Duration) {
	const ppm = 500
	rate := 1 - ppm*1e-6
	if ahead {
		rate, step = 1+ppm*1e-6, -step
	}
	n.SetRate(rate)
	for wait := first; ; wait = step.Abs() / ppm * 1e6 {
		select {
		case <-time.After(wait):
			n.Jump(step)
		case <-ctx.Done():
			return
		}
	}
}

// blame collects what goes wrong on account of the voters' fitness, and counts what doesn't.
type blame struct {
	mu      sync.Mutex
	found   []string
	granted int
}

func (b *blame) count(e redlock.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Err == nil && e.Attempts <= 1 {
		b.granted++
		return
	}
	b.found = append(b.found, fmt.Sprintf("%s: %d attempts: %v", e.Kind, e.Attempts, e.Err))
}

// workUnder lets clients lock, renew and release for a while on voters whose clocks are
// disciplined in steps of the given size. Each has a name of its own, so that nothing but the
// guards can refuse it.
func workUnder(t *testing.T, step, length time.Duration) *blame {
	b := &blame{}
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		ctx, cancel := context.WithTimeout(t.Context(), length)
		defer cancel()
		var busy sync.WaitGroup
		for i, n := range q.Nodes() {
			busy.Go(func() { discipline(ctx, n, i%2 == 0, step, time.Duration(7*i+1)*time.Second) })
		}
		// From one that works all the time to one that comes once in a few minutes, when what it
		// knew of the clocks is long forgotten.
		for i, rest := range []time.Duration{time.Second, 4 * time.Second, 17 * time.Second, 3 * time.Minute} {
			l := join(t, q, fmt.Sprint(i), onDone(func(e redlock.Event) {
				if ctx.Err() == nil { // what is cut short at the end says nothing
					b.count(e)
				}
			}))
			busy.Go(func() {
				for sleepUntil(ctx, rest) {
					hold := time.Duration(i+1) * 2 * time.Second
					work := func(ctx context.Context, _ *redlock.Lock) error { sleepUntil(ctx, hold); return ctx.Err() }
					_ = l.Do(ctx, fmt.Sprint("job ", i), work) // observed
				}
			})
		}
		busy.Wait()
	})
	return b
}

// sleepUntil sleeps for d unless ctx ends first, and reports whether it didn't.
func sleepUntil(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// The guards don't cry wolf: clocks that are kept right in the usual way cost no vote.
func TestGuardsLiveWithDisciplinedClocks(t *testing.T) {
	b := workUnder(t, 20*ms, 30*time.Minute)
	assert.Empty(t, b.found)
	assert.Greater(t, b.granted, 2000)
}
