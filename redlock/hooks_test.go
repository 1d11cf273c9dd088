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

// diary collects what hooks hear.
type diary struct {
	mu     sync.Mutex
	starts []redlock.Op
	dones  []redlock.Event
	lost   []redlock.Event
	voters []redlock.VoterState
}

type diaryKey struct{}

func (d *diary) hooks(t *testing.T) redlock.Option {
	return redlock.WithHooks(redlock.Hooks{
		Start: func(ctx context.Context, op redlock.Op) context.Context {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.starts = append(d.starts, op)
			return context.WithValue(ctx, diaryKey{}, op.Kind)
		},
		Done: func(ctx context.Context, e redlock.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			assert.Equal(t, e.Kind, ctx.Value(diaryKey{}), "the context that Start returned")
			d.dones = append(d.dones, e)
		},
		Lost:         func(e redlock.Event) { d.mu.Lock(); defer d.mu.Unlock(); d.lost = append(d.lost, e) },
		VoterChanged: func(v redlock.VoterState) { d.mu.Lock(); defer d.mu.Unlock(); d.voters = append(d.voters, v) },
	})
}

// outcomes returns what was told of a voter's changes.
func (d *diary) outcomes() (all []redlock.Outcome) {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.voters {
		all = append(all, v.Outcome)
	}
	return all
}

func TestHooksHearOfOperations(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var d diary
		l, other := join(t, q, "a", d.hooks(t)), join(t, q, "b")
		blocking, err := other.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.AfterFunc(time.Second, func() { assert.NoError(t, blocking.Unlock(context.Background())) })
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		require.NoError(t, lk.Extend(t.Context()))
		require.NoError(t, lk.Unlock(t.Context()))
		require.NoError(t, lk.Unlock(t.Context()), "again, which is no operation")
		require.Len(t, d.dones, 3)
		require.Len(t, d.starts, 3)
		assert.Equal(t, redlock.Op{Kind: "acquire", Name: "job"}, d.starts[0])
		acquired, extended, released := d.dones[0], d.dones[1], d.dones[2]
		assert.Equal(t, redlock.Op{Kind: "acquire", Name: "job", Token: lk.Token(), Fence: lk.Fence()}, acquired.Op)
		assert.InDelta(t, 1.1, acquired.Elapsed.Seconds(), 0.2, "with the waiting")
		assert.GreaterOrEqual(t, acquired.Attempts, 2, "before the wait, and when it was called")
		assert.LessOrEqual(t, acquired.Attempts, 7, "and where the holder stays the same, more and more seldom")
		assert.GreaterOrEqual(t, acquired.Rounds, acquired.Attempts)
		assert.Zero(t, acquired.Held)
		assert.Len(t, acquired.Nodes, 3)
		assert.Equal(t, lk.Fence(), extended.Fence)
		assert.InDelta(t, 2, extended.Held.Seconds(), 0.01)
		assert.Less(t, extended.Elapsed, 10*ms)
		assert.InDelta(t, 2, released.Held.Seconds(), 0.01)
		assert.Equal(t, "release", released.Kind)
		assert.Empty(t, d.lost)
		assert.Empty(t, d.outcomes())
	})
}

// Waiting that comes to nothing is an operation, too; mistakes of the caller aren't.
func TestHooksHearOfFailures(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var d diary
		l := join(t, q, "a", d.hooks(t))
		_, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = l.Lock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = l.Lock(ctx, "")
		require.ErrorIs(t, err, redlock.ErrInvalidName)
		require.Len(t, d.dones, 2)
		assert.Equal(t, err == nil, d.dones[1].Err == nil)
		assert.ErrorIs(t, d.dones[1].Err, redlock.ErrNotAcquired)
		assert.InDelta(t, 1, d.dones[1].Elapsed.Seconds(), 0.01)
		assert.Empty(t, d.dones[1].Token)
	})
}

func TestHooksHearOfEachLossOnce(t *testing.T) {
	losses := map[string]struct {
		opts []redlock.LockOption
		lose func(*testing.T, *redlocktest.Quorum, *redlock.Lock)
		held float64
		err  error
	}{
		"by its deadline":            {held: 9.9, err: redlock.ErrLost},
		"MaxHold":                    {opts: []redlock.LockOption{redlock.MaxHold(time.Second), redlock.AutoRenew(true)}, held: 1, err: redlock.ErrHeldTooLong},
		"renewal of a forgotten one": {opts: []redlock.LockOption{redlock.AutoRenew(true)}, lose: forget, held: 3.3, err: redlock.ErrLost},
		"release of a forgotten one": {lose: func(t *testing.T, q *redlocktest.Quorum, lk *redlock.Lock) {
			time.Sleep(2 * time.Second)
			forget(t, q, lk)
			require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrLost)
		}, held: 2, err: redlock.ErrLost},
		"release after its deadline": {lose: func(t *testing.T, q *redlocktest.Quorum, lk *redlock.Lock) {
			q.Member("a").Clock().Suspend(time.Minute)
			require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrLost)
		}, held: 60, err: redlock.ErrLost},
	}
	for name, loss := range losses {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				var d diary
				l := join(t, q, "a", d.hooks(t))
				lk, err := l.TryLock(t.Context(), "job", loss.opts...)
				require.NoError(t, err)
				time.Sleep(ms)
				if loss.lose != nil {
					loss.lose(t, q, lk)
				}
				time.Sleep(time.Minute)
				_, _ = lk.Extend(t.Context()), lk.Unlock(t.Context()) // both say that it's lost
				synctest.Wait()
				require.Len(t, d.lost, 1)
				e := d.lost[0]
				assert.Equal(t, redlock.Op{Kind: "lose", Name: "job", Token: lk.Token(), Fence: lk.Fence()}, e.Op)
				assert.ErrorIs(t, e.Err, loss.err)
				assert.InDelta(t, loss.held, e.Held.Seconds(), 0.1)
			})
		})
	}
}

func forget(_ *testing.T, q *redlocktest.Quorum, _ *redlock.Lock) {
	q.Node(0).Flush()
	q.Node(1).Flush()
}

func TestHooksHearOfVoters(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var d diary
		l := join(t, q, "a", d.hooks(t))
		work := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * ms) {
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				require.NoError(t, lk.Unlock(t.Context()))
			}
		}
		work(5 * time.Second)
		require.Empty(t, d.outcomes())

		q.Node(1).Pause()
		work(5 * time.Second)
		require.Len(t, d.outcomes(), 1)
		assert.Contains(t, []redlock.Outcome{redlock.Failed, redlock.TimedOut}, d.outcomes()[0])
		assert.Error(t, d.voters[0].Err)
		assert.Equal(t, l.Voters()[1].Node, d.voters[0].Node)
		assert.False(t, d.voters[0].Usable())
		q.Node(1).Resume()
		work(5 * time.Second)
		assert.Equal(t, []redlock.Outcome{redlock.Granted}, d.outcomes()[1:])

		q.Node(1).Flush()
		work(20 * time.Second)
		assert.Equal(t, []redlock.Outcome{redlock.Quarantined, redlock.Granted}, d.outcomes()[2:])

		q.Node(1).Jump(7 * time.Hour)
		work(5 * time.Second)
		q.Node(1).Jump(-7 * time.Hour)
		work(5 * time.Second)
		assert.Equal(t, []redlock.Outcome{redlock.ClockSuspect, redlock.Granted}, d.outcomes()[4:])
		for _, v := range l.Voters() {
			assert.True(t, v.Usable())
		}
	})
}

// A panic harms the goroutine that the hook runs on, and nothing else.
func TestPanicsOfHooks(t *testing.T) {
	for _, kind := range []string{"acquire", "extend", "release"} {
		for _, when := range []string{"start", "done"} {
			t.Run(kind+" "+when, func(t *testing.T) {
				bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
					h := redlock.Hooks{
						Start: func(ctx context.Context, op redlock.Op) context.Context {
							if op.Kind == kind && when == "start" {
								panic("hook")
							}
							return nil // as good as ctx
						},
						Done: func(_ context.Context, e redlock.Event) {
							if e.Kind == kind && when == "done" {
								panic("hook")
							}
						},
						Lost:         func(redlock.Event) { panic("hook") },
						VoterChanged: func(redlock.VoterState) { panic("hook") },
					}
					l := join(t, q, "a", redlock.WithHooks(h), redlock.WithTTL(time.Second))
					work := func() {
						_ = l.Do(t.Context(), "job", func(ctx context.Context, lk *redlock.Lock) error {
							q.Node(2).Pause()
							time.Sleep(10 * time.Second)
							q.Node(2).Resume()
							assert.True(t, lk.Valid(), "renewed all the same")
							return nil
						})
					}
					if kind == "extend" { // renewals have goroutines of their own
						work()
					} else {
						assert.PanicsWithValue(t, "hook", work)
					}
					time.Sleep(10 * ms)
					assert.Zero(t, taken(q, "job"))
				})
			})
		}
	}
}

// Every hook may close the locker, and do anything else.
func TestHooksMayCallAnyMethod(t *testing.T) {
	for _, hook := range []string{"start acquire", "done acquire", "start extend", "done extend", "start release", "done release", "lost", "voter"} {
		t.Run(hook, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				var l *redlock.Locker
				var held atomic.Pointer[redlock.Lock]
				closed := make(chan struct{})
				var acted atomic.Bool // what it calls is told to the hooks, too
				act := func(which string) {
					if which != hook || !acted.CompareAndSwap(false, true) {
						return
					}
					if lk := held.Load(); lk != nil {
						_, _, _ = lk.Extend(t.Context()), lk.Unlock(t.Context()), lk.Valid()
					}
					_, _ = l.TryLock(t.Context(), "job")
					_, _ = l.Inspect(t.Context(), "job")
					l.Voters()
					assert.NoError(t, l.Close())
					close(closed)
				}
				l = join(t, q, "a", redlock.WithTTL(time.Second), redlock.WithHooks(redlock.Hooks{
					Start:        func(ctx context.Context, op redlock.Op) context.Context { act("start " + op.Kind); return ctx },
					Done:         func(_ context.Context, e redlock.Event) { act("done " + e.Kind) },
					Lost:         func(redlock.Event) { act("lost") },
					VoterChanged: func(redlock.VoterState) { act("voter") },
				}))
				lk, err := l.Lock(t.Context(), "job", redlock.AutoRenew(hook != "lost"))
				if err == nil {
					held.Store(lk)
					time.Sleep(ms)
					q.Node(0).Pause()
					time.Sleep(3 * time.Second)
					_ = lk.Unlock(t.Context())
				}
				<-closed
				q.Node(0).Resume()
			})
		})
	}
}

// Two sets of hooks hear the same, and the second Start gets the context of the first.
func TestHooksAddUp(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		var d diary
		var got []any
		l := join(t, q, "a", d.hooks(t), redlock.WithHooks(redlock.Hooks{
			Start: func(ctx context.Context, _ redlock.Op) context.Context {
				got = append(got, ctx.Value(diaryKey{}))
				return ctx
			},
			Done: func(ctx context.Context, _ redlock.Event) { got = append(got, ctx.Value(diaryKey{})) },
		}))
		_, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, []any{"acquire", "acquire"}, got)
		assert.Len(t, d.dones, 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Len(t, d.lost, 1)
	})
}
