package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestExclusionBetweenLockers(t *testing.T) {
	for _, nodes := range []int{1, 2, 3, 4, 5, 7} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			bubble(t, nodes, func(t *testing.T, q *redlocktest.Quorum) {
				a, b := join(t, q, "a"), join(t, q, "b")
				lk, err := a.TryLock(t.Context(), "job")
				require.NoError(t, err)
				_, err = b.TryLock(t.Context(), "job")
				require.ErrorIs(t, err, redlock.ErrNotAcquired)
				other, err := b.TryLock(t.Context(), "another job")
				require.NoError(t, err)
				require.NoError(t, other.Unlock(t.Context()))
				require.NoError(t, lk.Unlock(t.Context()))
				time.Sleep(10 * ms) // the release of b's attempt
				next, err := b.TryLock(t.Context(), "job")
				require.NoError(t, err)
				assert.Greater(t, next.Fence(), lk.Fence())
			})
		})
	}
}

func TestLockIsAHandleOfOneAcquisition(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		first, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, "job", first.Name())
		assert.Len(t, first.Token(), 32)
		assert.Positive(t, first.Fence())
		require.NoError(t, first.Unlock(t.Context()))
		second, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.NotEqual(t, first.Token(), second.Token())
		require.NoError(t, first.Unlock(t.Context()), "the same answer as the first time")
		assert.True(t, second.Valid())
		require.ErrorIs(t, first.Extend(t.Context()), redlock.ErrLost)
	})
}

func TestErrorNamesEveryVoter(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		holder := join(t, q, "holder")
		_, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		for _, key := range []string{"job", redlock.FenceKey("job")} {
			q.Node(0).Set(key, "1", ms)
		}
		time.Sleep(10 * ms)
		q.Node(1).Pause()
		q.Node(2).Crash()
		l := join(t, q, "a")
		for _, i := range []int{3, 4} { // the other one answers first
			q.Member("a").Link(i).Delay(ms, ms)
		}
		_, err = l.TryLock(t.Context(), "job")
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		assert.Equal(t, "acquire", qe.Op)
		assert.Equal(t, "job", qe.Name)
		assert.Equal(t, 3, qe.Needed)
		require.Len(t, qe.Nodes, 5)
		assert.Equal(t, redlock.Granted, qe.Nodes[0].Outcome)
		assert.Contains(t, []redlock.Outcome{redlock.Unawaited, redlock.TimedOut}, qe.Nodes[1].Outcome)
		assert.Equal(t, redlock.Failed, qe.Nodes[2].Outcome)
		assert.Error(t, qe.Nodes[2].Err)
		assert.Equal(t, redlock.Held, qe.Nodes[3].Outcome)
		assert.InDelta(t, 10*time.Second, qe.Nodes[3].Remaining, float64(time.Second))
		assert.Positive(t, qe.Nodes[3].RTT)
		for i, n := range qe.Nodes {
			assert.Equal(t, q.Node(i).Addr(), n.Node)
			assert.Contains(t, err.Error(), n.Node+" "+n.Outcome.String())
		}
		q.Node(1).Resume()
	})
}

func TestTooFewVotersIsNotTheSameAsHeld(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		q.Node(0).Pause()
		q.Node(1).Pause()
		begun := time.Now()
		_, err := l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		require.NotErrorIs(t, err, redlock.ErrNotAcquired)
		assert.Equal(t, time.Second, time.Since(begun), "four times the default node time-out at first contact")
		time.Sleep(5 * ms)
		assert.Zero(t, taken(q, "job"), "nothing stays on the node that answered")
		q.Node(0).Resume()
		q.Node(1).Resume()
	})
}

func TestGrantsThatComeTooLateDontCount(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(100*ms), redlock.WithNodeTimeout(90*ms))
		clock := q.Member("a").Clock()
		// The machine is suspended while the replies are under way: no timer notices.
		q.Node(0).OnCommand(func(c redlocktest.Command) {
			if strings.HasPrefix(c.Name, "EVAL") {
				clock.Suspend(100 * ms)
			}
		})
		_, err := l.TryLock(t.Context(), "job")
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		late := 0
		for _, n := range qe.Nodes {
			if n.Outcome == redlock.Late {
				late++
			}
		}
		assert.GreaterOrEqual(t, late, 2, "%v", err)
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "job"))
	})
}

func TestContextOfALock(t *testing.T) {
	type key struct{}
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		warmUp(t, l)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
		begun := time.Now()
		lk, err := l.TryLock(ctx, "job")
		require.NoError(t, err)
		cancel()
		require.NoError(t, lk.Context().Err(), "the acquisition's context bounds the acquisition only")
		assert.Equal(t, "v", lk.Context().Value(key{}))
		<-lk.Context().Done()
		assert.Equal(t, time.Second-10*ms-2*ms, time.Since(begun).Round(ms), "ttl, less 1 % and 2 ms")
		require.ErrorIs(t, context.Cause(lk.Context()), redlock.ErrLost)
		require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrLost)
	})
}

func TestSuspendedMachine(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Member("a").Clock().Suspend(9 * time.Second)
		assert.True(t, lk.Valid())
		q.Member("a").Clock().Suspend(time.Second)
		assert.False(t, lk.Valid(), "although no timer has run")
		assert.Zero(t, lk.Remaining())
		require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrLost)
		require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrLost)
	})
}

func TestUnlockTellsWhetherTheLockWasHeld(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "flushed")
		require.NoError(t, err)
		q.Node(0).Flush()
		q.Node(1).Flush()
		require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrLost, "a majority didn't hold it any more")

		lk, err = l.Lock(t.Context(), "one lost it") // waits until the flushed nodes vote again
		require.NoError(t, err)
		q.Node(0).Flush()
		require.NoError(t, lk.Unlock(t.Context()))

		warmUp(t, l)
		time.Sleep(11 * time.Second) // all of them vote again
		lk, err = l.Lock(t.Context(), "unreachable")
		require.NoError(t, err)
		q.Node(0).Pause()
		q.Node(1).Pause()
		require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrNoQuorum)
		assert.False(t, lk.Valid())
		q.Node(0).Resume()
		q.Node(1).Resume()
		time.Sleep(time.Second)
		assert.Zero(t, taken(q, "unreachable"), "released as soon as the voters were back")

		lk, err = l.TryLock(t.Context(), "cancelled")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, lk.Unlock(ctx), context.Canceled)
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "cancelled"), "the context ends the waiting only")
	})
}

func TestExtendWithoutMajorityKeepsThePresentDeadline(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(time.Second)
		left := lk.Remaining()
		q.Node(0).Pause()
		q.Node(1).Pause()
		require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrNoQuorum)
		assert.True(t, lk.Valid())
		assert.Less(t, lk.Remaining(), left)
		q.Node(0).Resume()
		q.Node(1).Resume()
		time.Sleep(100 * ms)
		require.NoError(t, lk.Extend(t.Context()))
		assert.Greater(t, lk.Remaining(), left)
	})
}

func TestConcurrentExtendAndUnlock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for range 20 {
			lk, err := l.Lock(t.Context(), "job", redlock.AutoRenew(true))
			require.NoError(t, err)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := lk.Extend(t.Context()); err != nil {
						assert.ErrorIs(t, err, redlock.ErrLost)
					}
				})
				wg.Go(func() { assert.NoError(t, lk.Unlock(t.Context())) })
			}
			wg.Wait()
			assert.False(t, lk.Valid())
		}
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "job"), "no extension brings back what was released")
	})
}

func TestLockWaits(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		holder, l := join(t, q, "holder"), join(t, q, "a")
		held, err := holder.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.AfterFunc(3*time.Second, func() { assert.NoError(t, held.Unlock(context.Background())) })
		begun := time.Now()
		lk, err := l.Lock(t.Context(), "job")
		require.NoError(t, err)
		assert.InDelta(t, 3*time.Second, time.Since(begun), float64(300*ms))
		assert.Greater(t, lk.Fence(), held.Fence())
	})
}

func TestLockStopsWithItsContextAndSaysWhatItSaw(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		_, err := join(t, q, "holder").TryLock(t.Context(), "job")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err = join(t, q, "a").Lock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		assert.Contains(t, err.Error(), "held for ")
		assert.Equal(t, time.Second, time.Since(begun))
	})
}

func TestContendersAllGetTheirTurn(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		var mu sync.Mutex
		inside, fence := false, int64(0)
		var wg sync.WaitGroup
		for i := range 8 {
			l := join(t, q, fmt.Sprintf("client %d", i))
			wg.Go(func() {
				for range 5 {
					lk, err := l.Lock(t.Context(), "job")
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					assert.False(t, inside, "two at once")
					assert.Greater(t, lk.Fence(), fence)
					inside, fence = true, lk.Fence()
					mu.Unlock()
					time.Sleep(2 * ms)
					mu.Lock()
					inside = false
					mu.Unlock()
					assert.NoError(t, lk.Unlock(t.Context()))
				}
			})
		}
		wg.Wait()
	})
}

func TestDo(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		problem := errors.New("problem")

		require.NoError(t, l.Do(t.Context(), "job", func(ctx context.Context, lk *redlock.Lock) error {
			time.Sleep(10 * time.Second) // ten TTLs: it's renewed
			assert.True(t, lk.Valid())
			return ctx.Err()
		}))
		require.ErrorIs(t, l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { return problem }), problem)
		assert.Panics(t, func() {
			_ = l.Do(t.Context(), "job", func(context.Context, *redlock.Lock) error { panic("no") })
		})
		time.Sleep(10 * ms)
		assert.Zero(t, taken(q, "job"), "released each time")

		ctx, cancel := context.WithCancel(t.Context())
		err := l.Do(ctx, "job", func(ctx context.Context, lk *redlock.Lock) error {
			cancel()
			<-ctx.Done()
			assert.True(t, lk.Valid(), "cancelled and not lost")
			return context.Cause(ctx)
		})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, redlock.ErrLost)

		err = l.Do(t.Context(), "job", func(ctx context.Context, _ *redlock.Lock) error {
			q.Node(0).Flush()
			q.Node(1).Flush()
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), redlock.ErrLost)
			return problem
		})
		require.ErrorIs(t, err, redlock.ErrLost)
		require.ErrorIs(t, err, problem)
	})
}

func TestDoWithoutRenewal(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithTTL(time.Second))
		err := l.Do(t.Context(), "job", func(ctx context.Context, _ *redlock.Lock) error {
			<-ctx.Done()
			return nil
		}, redlock.AutoRenew(false))
		require.ErrorIs(t, err, redlock.ErrLost)
	})
}

func TestClose(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "held", redlock.AutoRenew(true))
		require.NoError(t, err)
		released, err := l.TryLock(t.Context(), "released")
		require.NoError(t, err)
		waiting := make(chan error, 1)
		go func() {
			_, err := l.Lock(t.Context(), "held")
			waiting <- err
		}()
		time.Sleep(time.Second)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_ = released.Unlock(cancelled)
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-waiting, redlock.ErrClosed)
		assert.Zero(t, taken(q, "released"), "what was to be released is")
		assert.Equal(t, 3, holders(q, "held", lk.Token()))
		assert.True(t, lk.Valid(), "held until its deadline")
		require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrClosed)
		_, err = l.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrClosed)
		require.NoError(t, l.Close())
		<-lk.Context().Done()
	})
}

func TestReleasePublishes(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		sub := q.Member("listener").Client(0, nil).Subscribe(t.Context(), "job:free")
		defer sub.Close()
		_, err = sub.Receive(t.Context())
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		msg, err := sub.ReceiveMessage(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "job:free", msg.Channel)
	})
}

// An offer to restore that is made after the release would plant a lock that nobody holds.
func TestHealingDoesntOutliveTheRelease(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for i := range 300 {
			lk, err := l.Lock(t.Context(), "job")
			require.NoError(t, err)
			q.Node(i%3).Set("job", "expires", ms) // this voter loses the lock
			time.Sleep(2 * ms)
			var wg sync.WaitGroup
			wg.Go(func() { _ = lk.Extend(t.Context()) })
			time.Sleep(time.Duration(i) * 2 * time.Microsecond) // up to where the answers are in
			wg.Go(func() { _ = lk.Unlock(t.Context()) })
			wg.Wait()
			time.Sleep(10 * ms)
			require.Zero(t, taken(q, "job"), "round %d", i)
		}
	})
}

// Why an attempt failed doesn't depend on the order of the answers. One voter is down and one names the
// holder: the third decides which of them is in the way.
func TestReasonDoesntDependOnTheOrderOfAnswers(t *testing.T) {
	for name, at := range map[string]struct {
		third  func(*redlocktest.Quorum)
		reason error
	}{
		"the third names the holder, too": {func(*redlocktest.Quorum) {}, redlock.ErrNotAcquired},
		"the third is free":               {func(q *redlocktest.Quorum) { q.Node(2).Set("job", "gone", ms) }, redlock.ErrNotAcquired},
		"the third is silent":             {func(q *redlocktest.Quorum) { q.Member("a").Link(2).Cut() }, redlock.ErrNoQuorum},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				holder := join(t, q, "holder", redlock.WithoutGuards())
				_, err := holder.TryLock(t.Context(), "job")
				require.NoError(t, err)
				l := join(t, q, "a", redlock.WithoutGuards())
				time.Sleep(time.Second)
				q.Node(0).Crash()
				at.third(q)
				time.Sleep(2 * ms)
				q.Member("a").Link(2).Delay(0, 20*ms)
				begun := time.Now()
				_, err = l.TryLock(t.Context(), "job")
				require.ErrorIs(t, err, at.reason)
				assert.LessOrEqual(t, time.Since(begun), 251*ms, "the node time-out")
			})
		})
	}
}
