package redlock_test

import (
	"context"
	"errors"
	"flag"
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

var (
	replaceFor  = flag.Duration("replace.for", 0, "for how long TestReplaceUnderChaos replaces servers, in virtual time; one replacement at the least")
	replaceSeed = flag.Uint64("replace.seed", 1, "the seed of its faults")
)

const (
	replaceTTL     = time.Second
	replaceTimeout = 50 * ms
	replaceError   = 20 * ms // of clocks
)

// replacement is a quorum in which servers are replaced while clients work and servers fail.
type replacement struct {
	quorum *redlocktest.Quorum
	rand   *rand.Rand // of the faults

	inside atomic.Int32 // how many clients are in the section that the lock is for
	faults map[string]int

	mu         sync.Mutex
	violations []string
	fence      int64
	last       time.Time     // when a lock was taken last
	gap        time.Duration // the longest time from one to the next
	phase      string
	locks      map[string]int // by phase
	errors     map[string]int
}

func (r *replacement) enter(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = phase
}

// work is the section that one client at a time may be in.
func (r *replacement) work(lk *redlock.Lock, hold time.Duration) {
	in := r.inside.Add(1)
	r.mu.Lock()
	if in != 1 {
		r.violations = append(r.violations, fmt.Sprintf("%d clients at once", in))
	}
	if lk.Fence() <= r.fence {
		r.violations = append(r.violations, fmt.Sprintf("token %d after %d", lk.Fence(), r.fence))
	}
	now := time.Now()
	r.gap = max(r.gap, now.Sub(r.last))
	r.fence, r.last = lk.Fence(), now
	r.locks[r.phase]++
	r.mu.Unlock()
	select {
	case <-time.After(hold):
	case <-lk.Context().Done(): // whoever loses the lock has to leave
	}
	r.inside.Add(-1)
}

// program takes the lock again and again. It's restarted with another list when one is sent.
func (r *replacement) program(ctx context.Context, start func() *redlock.Locker, restart <-chan func() *redlock.Locker) {
	l := start()
	defer func() { l.Close() }()
	for hold := ms; ctx.Err() == nil; hold = hold%(7*ms) + ms {
		select {
		case next := <-restart:
			l.Close() // as a program does that is told to end
			l = next()
		default:
		}
		lk, err := l.Lock(ctx, "job")
		if err != nil {
			if ctx.Err() == nil {
				r.mu.Lock()
				r.errors[err.Error()]++
				r.mu.Unlock()
				time.Sleep(10 * ms)
			}
			continue
		}
		r.work(lk, hold)
		_ = lk.Unlock(ctx) // a server that didn't hear of it hears of it again
		time.Sleep(hold / 2)
	}
}

// strike lets one server at a time fail, each in some way, and be back before the next one does.
func (r *replacement) strike(ctx context.Context, programs int) {
	for ctx.Err() == nil {
		n := r.rand.IntN(r.quorum.Len())
		node, spell := r.quorum.Node(n), time.Duration(1+r.rand.IntN(600))*ms
		rest := 300 * ms
		kind := []string{"pause", "crash", "restart, all forgotten", "flush", "partition", "one link"}[r.rand.IntN(6)]
		switch kind {
		case "pause":
			node.Pause()
			sleepUntil(ctx, spell)
			node.Resume()
		case "crash":
			node.Crash()
			sleepUntil(ctx, spell)
			node.Restart(true)
			rest += replaceTTL
		case "restart, all forgotten":
			node.Crash()
			sleepUntil(ctx, spell)
			node.Restart(false)
			rest += replaceTTL
		case "flush":
			node.Flush()
			rest += replaceTTL
		case "partition", "one link":
			machines := []string{"operator"}
			for i := range programs {
				machines = append(machines, fmt.Sprint(i))
			}
			if kind == "one link" {
				machines = machines[1+r.rand.IntN(programs):][:1]
			}
			for _, m := range machines {
				r.quorum.Member(m).Link(n).Cut()
			}
			sleepUntil(ctx, spell)
			for _, m := range machines {
				r.quorum.Member(m).Link(n).Heal()
			}
		}
		r.faults[kind]++
		sleepUntil(ctx, rest+4*replaceError)
	}
}

// Servers are replaced by joint voting, as docs/operations.md says, while programs take locks and one server after the other fails, the one that's
// replaced and its replacement included. Nobody works beside another, tokens grow, and no two locks are further apart than MaxTTL and a node time-out.
func TestReplaceUnderChaos(t *testing.T) {
	const programs = 4
	bubble(t, 4, func(t *testing.T, q *redlocktest.Quorum) {
		r := &replacement{
			quorum: q, rand: rand.New(rand.NewPCG(*replaceSeed, 1)), faults: map[string]int{},
			locks: map[string]int{}, errors: map[string]int{},
		}
		opts := []redlock.Option{redlock.WithTTL(replaceTTL), redlock.WithNodeTimeout(replaceTimeout), redlock.WithMaxClockError(replaceError)}
		require.NoError(t, among(t, q, "installer", abc, opts...).Form(t.Context()))
		ctx, end := context.WithCancel(t.Context())
		var running sync.WaitGroup
		begun := time.Now()
		r.last = begun
		r.enter("before")
		var restart [programs]chan func() *redlock.Locker
		for i := range restart {
			restart[i] = make(chan func() *redlock.Locker)
			running.Go(func() {
				r.program(ctx, func() *redlock.Locker { return among(t, q, fmt.Sprint(i), abc, opts...) }, restart[i])
			})
		}
		running.Go(func() { r.strike(ctx, programs) })
		roll := func(phase string, own, joined []int) { // a rolling deployment
			r.enter(phase)
			for i, c := range restart {
				c <- func() *redlock.Locker {
					if joined == nil {
						return among(t, q, fmt.Sprint(i), own, opts...)
					}
					return joint(t, q, fmt.Sprint(i), own, joined, opts...)
				}
				time.Sleep(200 * ms)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Second)
		old, next, changes := abc, abd, 0
		for first := true; first || time.Since(begun) < *replaceFor; first = false {
			roll("joining", old, next)
			r.enter("changing")
			operator := joint(t, q, "operator", old, next, opts...)
			for {
				err := operator.Change(ctx)
				if err == nil {
					break
				}
				// A server is down, or programs with the old list alone were at work a moment ago.
				require.True(t, errors.Is(err, redlock.ErrNoQuorum) || errors.Is(err, redlock.ErrUnsafe), "%v", err)
				time.Sleep(200 * ms)
			}
			require.NoError(t, operator.Close())
			changes++
			roll("with the new list", next, nil)
			r.enter("after")
			time.Sleep(2 * time.Second)
			old, next = next, old
		}
		end()
		running.Wait()

		r.gap = max(r.gap, time.Since(r.last))
		t.Logf("%d replacements in %v; locks: %v; longest time without: %v; faults: %v; errors: %d", changes, time.Since(begun), r.locks, r.gap, r.faults, len(r.errors))
		for err, n := range r.errors {
			t.Logf("%d times: %s", n, err)
		}
		require.Empty(t, r.violations, "seed %d", *replaceSeed)
		assert.LessOrEqual(t, r.gap, replaceTTL+replaceTimeout, "seed %d", *replaceSeed)
		for _, phase := range []string{"before", "joining", "changing", "with the new list", "after"} {
			assert.Greater(t, r.locks[phase], 50, phase)
		}
		assert.NotEmpty(t, r.faults)
	})
}
