package redlock_test

import (
	"context"
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

// The context that ends with the lock may be given to its release: that waits for the voters all the same.
func TestUnlockWithTheLocksOwnContext(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		for i := range 3 {
			q.Member("a").Link(i).Delay(5*ms, 5*ms)
		}
		lk, err := l.TryLock(t.Context(), "own")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(lk.Context()))
		assert.GreaterOrEqual(t, 1, taken(q, "own"), "a majority has given it back")

		lk, err = l.TryLock(t.Context(), "derived")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(lk.Context(), ms)
		defer cancel()
		require.ErrorIs(t, lk.Unlock(ctx), context.DeadlineExceeded, "the caller's deadline counts")

		require.NoError(t, l.Do(t.Context(), "work", func(ctx context.Context, lk *redlock.Lock) error { return lk.Unlock(ctx) }))
		require.NoError(t, l.DoAll(t.Context(), []string{"b", "c"}, func(ctx context.Context, all *redlock.Locks) error { return all.Unlock(ctx) }))
		all, err := l.TryLockAll(t.Context(), []string{"b", "c"})
		require.NoError(t, err)
		require.NoError(t, all.Unlock(all.Context()))
		all, err = l.TryLockAll(t.Context(), []string{"b", "c"})
		require.NoError(t, err)
		require.NoError(t, all.Lock("b").Unlock(all.Context()))
		require.NoError(t, all.Lock("c").Unlock(t.Context()))

		lk, err = l.TryLock(t.Context(), "another's")
		require.NoError(t, err)
		other, err := l.TryLock(lk.Context(), "other")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		require.ErrorIs(t, other.Unlock(lk.Context()), context.Canceled, "it's over, as any context may be")
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
