package redlock_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// busy is what a busy lock's users have measured.
type busy struct {
	mu       sync.Mutex
	turns    map[string]int
	waits    []time.Duration
	handOffs []time.Duration // from the begin of a release to the next acquisition, where somebody waited
	waiting  int
	released time.Time
}

// use takes the lock again and again until the time is up, as a client of a busy lock does.
func (b *busy) use(t *testing.T, who string, l *redlock.Locker, until time.Time, hold, rest time.Duration) {
	for time.Now().Before(until) {
		b.mu.Lock()
		b.waiting++
		b.mu.Unlock()
		begun := time.Now()
		lk, err := l.Lock(t.Context(), "job")
		if !assert.NoError(t, err) {
			return
		}
		b.mu.Lock()
		b.waiting--
		b.turns[who]++
		b.waits = append(b.waits, time.Since(begun))
		if !b.released.IsZero() && !begun.After(b.released) {
			b.handOffs = append(b.handOffs, time.Since(b.released))
		}
		b.released = time.Time{}
		b.mu.Unlock()
		time.Sleep(hold)
		b.mu.Lock()
		b.released = time.Now()
		b.mu.Unlock()
		if !assert.NoError(t, lk.Unlock(t.Context())) {
			return
		}
		time.Sleep(rest)
	}
}

// share runs lockers on one name for a while.
func share(t *testing.T, lockers map[string]*redlock.Locker, length, hold, rest time.Duration) *busy {
	b := &busy{turns: map[string]int{}}
	until := time.Now().Add(length)
	var all sync.WaitGroup
	for who, l := range lockers {
		all.Go(func() { b.use(t, who, l, until, hold, rest) })
	}
	all.Wait()
	slices.Sort(b.waits)
	slices.Sort(b.handOffs)
	return b
}

// unevenness is how many turns the busiest had for each one of the idlest.
func (b *busy) unevenness() float64 {
	most, least := 0, 1<<30
	for _, n := range b.turns {
		most, least = max(most, n), min(least, n)
	}
	return float64(most) / float64(least)
}

func (b *busy) total() (n int) {
	for _, turns := range b.turns {
		n += turns
	}
	return n
}

func (b *busy) String() string {
	return fmt.Sprintf("%d turns %v, handed over %d times: median %v, longest %v; longest wait %v",
		b.total(), b.turns, len(b.handOffs), b.handOffs[len(b.handOffs)/2], b.handOffs[len(b.handOffs)-1], b.waits[len(b.waits)-1])
}

func crew(t *testing.T, q *redlocktest.Quorum, n int, opts ...redlock.Option) map[string]*redlock.Locker {
	lockers := map[string]*redlock.Locker{}
	for i := range n {
		who := fmt.Sprint("client ", i)
		lockers[who] = join(t, q, who, opts...)
		warmUp(t, lockers[who])
	}
	return lockers
}

// A busy lock goes from hand to hand, in the order in which they came, and takes few commands.
func TestBusyLockGoesFromHandToHand(t *testing.T) {
	for mode, opts := range map[string][]redlock.Option{"guarded": nil, "fenced": {redlock.WithoutGuards()}, "plain": {redlock.WithoutFencing()}} {
		for _, far := range []bool{false, true} { // its round trips take 3 ms longer
			t.Run(fmt.Sprintf("%s, one further away: %t", mode, far), func(t *testing.T) {
				bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
					lockers := crew(t, q, 8, opts...)
					if far {
						for i := range 5 {
							q.Member("client 0").Link(i).Delay(1500*time.Microsecond, 1500*time.Microsecond)
						}
					}
					share(t, lockers, 100*ms, ms, 4*ms) // until all know that it's contended
					before := commands(q)
					b := share(t, lockers, 2*time.Second, ms, 4*ms)
					perTurn := float64(commands(q)-before) / 5 / float64(b.total())
					t.Logf("%v; %.1f commands a turn and voter", b, perTurn)
					assert.LessOrEqual(t, b.unevenness(), 1.3)
					assert.GreaterOrEqual(t, float64(len(b.handOffs)), 0.9*float64(b.total()))
					assert.LessOrEqual(t, perTurn, 5.0)
					if !far {
						// A message takes 0.3 ms at most: the release, the call, and an attempt there and back.
						assert.LessOrEqual(t, b.handOffs[len(b.handOffs)*99/100], 1500*time.Microsecond)
					}
				})
			})
		}
	}
}

// patient waits for the name on a locker of its own, and says when it had it.
func patient(t *testing.T, l *redlock.Locker, ctx context.Context) <-chan time.Time {
	got := make(chan time.Time, 1)
	go func() {
		lk, err := l.Lock(ctx, "job")
		if err != nil {
			close(got)
			return
		}
		got <- time.Now()
		_ = lk.Unlock(context.WithoutCancel(ctx))
	}()
	return got
}

// One who waits has the lock two round trips after it was given back.
func TestReleaseCallsWhoWaits(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		holder, l := join(t, q, "holder"), join(t, q, "a")
		for _, hold := range []time.Duration{20 * ms, 100 * ms, time.Second, 9 * time.Second} {
			held, err := holder.TryLock(t.Context(), "job")
			require.NoError(t, err)
			got := patient(t, l, t.Context())
			time.Sleep(hold)
			begun := time.Now()
			require.NoError(t, held.Unlock(t.Context()))
			assert.LessOrEqual(t, (<-got).Sub(begun), 1200*time.Microsecond, "%v", hold)
			time.Sleep(3 * time.Second)
		}
	})
}

// One who waits has the lock as soon as it has run out.
func TestWaiterComesWhenTheLockRunsOut(t *testing.T) {
	const ttl, clockError = 2 * time.Second, 50 * ms
	for mode, opts := range map[string][]redlock.Option{"guarded": {redlock.WithMaxClockError(clockError)}, "fenced": {redlock.WithoutGuards()}, "plain": {redlock.WithoutFencing()}} {
		for _, waiters := range []int{1, 5} {
			t.Run(fmt.Sprintf("%s, %d wait", mode, waiters), func(t *testing.T) {
				bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
					opts := append(opts, redlock.WithTTL(ttl))
					lockers := crew(t, q, waiters, opts...)
					_, err := join(t, q, "holder", opts...).TryLock(t.Context(), "job")
					require.NoError(t, err)
					over := time.Now().Add(ttl)
					if mode == "guarded" {
						over = over.Add(2 * clockError)
					}
					first := make(chan time.Time, waiters)
					var all sync.WaitGroup
					for _, l := range lockers {
						all.Go(func() { first <- <-patient(t, l, t.Context()) })
					}
					all.Wait()
					close(first)
					earliest := over.Add(time.Hour)
					for at := range first {
						if at.Before(earliest) {
							earliest = at
						}
					}
					t.Log(earliest.Sub(over))
					assert.LessOrEqual(t, earliest.Sub(over), 5*ms)
				})
			})
		}
	}
}

// Who is gone costs nothing, and who can't hear only a moment.
func TestWhoIsCalledAndDoesntCome(t *testing.T) {
	for fault, strike := range map[string]func(*redlocktest.Member, *redlock.Locker){
		"dead": func(m *redlocktest.Member, _ *redlock.Locker) {
			for _, c := range m.Clients() {
				_ = c.Close()
			}
		},
		"cut off": func(m *redlocktest.Member, _ *redlock.Locker) {
			for i := range 3 {
				m.Link(i).Cut()
			}
		},
	} {
		t.Run(fault, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				holder, first, second := join(t, q, "holder"), join(t, q, "first"), join(t, q, "second")
				held, err := holder.TryLock(t.Context(), "job")
				require.NoError(t, err)
				ctx, cancel := context.WithCancel(t.Context())
				patient(t, first, ctx)
				time.Sleep(10 * ms)
				got := patient(t, second, t.Context())
				time.Sleep(time.Second)
				strike(q.Member("first"), first)
				time.Sleep(10 * ms)
				begun := time.Now()
				require.NoError(t, held.Unlock(t.Context()))
				took := (<-got).Sub(begun)
				t.Log(took)
				if fault == "dead" {
					assert.LessOrEqual(t, took, 2*ms)
				} else {
					assert.LessOrEqual(t, took, 250*ms, "a node time-out")
				}
				cancel()
				for i := range 3 {
					q.Member("first").Link(i).Heal()
				}
				time.Sleep(5 * time.Second)
			})
		})
	}
}

// A lead voter that stops or dies keeps nobody longer than a node time-out.
func TestWaitersGoOnWithoutTheLeadVoter(t *testing.T) {
	for fault, strike := range map[string]func(*redlocktest.Node){
		"stopped": (*redlocktest.Node).Pause,
		"killed":  (*redlocktest.Node).Crash,
		"killed, and back at once": func(n *redlocktest.Node) {
			n.Crash()
			n.Restart(true)
		},
		"emptied": (*redlocktest.Node).Flush,
	} {
		t.Run(fault, func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				lockers := crew(t, q, 8, redlock.WithTTL(10*time.Second))
				lead := redlock.LeadVoter("job", 5)
				share(t, lockers, 200*ms, ms, 4*ms)
				healthy := share(t, lockers, time.Second, ms, 4*ms)
				time.AfterFunc(200*ms, func() { strike(q.Node(lead)) })
				time.AfterFunc(2*time.Second, func() {
					q.Node(lead).Resume()
					if !q.Node(lead).Running() {
						q.Node(lead).Restart(true)
					}
				})
				b := share(t, lockers, 3*time.Second, ms, 4*ms)
				t.Logf("healthy: %v", healthy)
				t.Log(b)
				assert.LessOrEqual(t, b.waits[len(b.waits)-1], healthy.waits[len(healthy.waits)-1]+250*ms+10*ms)
				time.Sleep(time.Minute)
			})
		})
	}
}

// A client of another library gives its lock back without a word to anybody.
func TestWaitersSeeWhatNobodyTells(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		for _, n := range q.Nodes() {
			n.Set("job", "stranger", time.Minute)
		}
		got := patient(t, join(t, q, "a"), t.Context())
		time.Sleep(5 * time.Second)
		for _, n := range q.Nodes() {
			n.Set("job", "stranger", 1)
		}
		begun := time.Now()
		assert.LessOrEqual(t, (<-got).Sub(begun), 130*ms)
	})
}

// Who gives up is off the line, and calls the next if it was its turn.
func TestWhoGivesUpLeavesTheLine(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		holder := join(t, q, "holder")
		lockers := crew(t, q, 3)
		held, err := holder.TryLock(t.Context(), "job", redlock.TTL(10*time.Second))
		require.NoError(t, err)
		lead := q.Node(redlock.LeadVoter("job", 3))
		ctx, cancel := context.WithCancel(t.Context())
		patient(t, lockers["client 0"], ctx)
		time.Sleep(10 * ms)
		got := patient(t, lockers["client 1"], t.Context())
		time.Sleep(10 * ms)
		gone, stop := context.WithCancel(t.Context())
		patient(t, lockers["client 2"], gone)
		time.Sleep(time.Second)
		assert.Contains(t, lead.Keys(), redlock.LineKey("job"))
		stop()
		for i := range 3 {
			q.Member("client 0").Link(i).HoldReplies() // it won't hear that it's called
		}
		begun := time.Now()
		require.NoError(t, held.Unlock(t.Context()))
		time.Sleep(ms)
		cancel()
		assert.LessOrEqual(t, (<-got).Sub(begun), 5*ms)
		time.Sleep(100 * ms)
		for _, n := range q.Nodes() {
			assert.NotContains(t, n.Keys(), redlock.LineKey("job"))
		}
		for i := range 3 {
			q.Member("client 0").Link(i).Release()
		}
		time.Sleep(time.Second)
	})
}

// Thousands of goroutines take one place in line, and leave nothing behind when they give up.
func TestThousandsOfGoroutinesTakeOnePlace(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		_, err := join(t, q, "holder").TryLock(t.Context(), "job")
		require.NoError(t, err)
		l := join(t, q, "a")
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 10_000 {
			all.Go(func() {
				_, err := l.Lock(ctx, "job")
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		synctest.Wait()
		before := commands(q)
		time.Sleep(time.Second)
		assert.LessOrEqual(t, commands(q)-before, 100, "one looks at one voter")
		cancel()
		all.Wait()
		time.Sleep(100 * ms)
		for _, n := range q.Nodes() {
			assert.NotContains(t, n.Keys(), redlock.LineKey("job"))
		}
	})
}
