package redlock_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestInspectTellsTheHolder(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a", redlock.WithOwner("web-1 pid 812")), join(t, q, "b")
		h, err := other.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.False(t, h.Held())
		assert.Zero(t, h.Remaining)

		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.Sleep(time.Second)
		h, err = other.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.True(t, h.Held())
		assert.Equal(t, "job", h.Name)
		assert.Equal(t, lk.Token(), h.Token)
		assert.Equal(t, lk.Fence(), h.Fence)
		assert.Equal(t, "web-1 pid 812", h.Owner)
		assert.Greater(t, h.Remaining, lk.Remaining())
		assert.Less(t, h.Remaining, lk.Remaining()+time.Second)
		require.Len(t, h.Nodes, 3)
		for _, n := range h.Nodes {
			assert.Equal(t, lk.Token(), n.Token, n.Node)
			assert.Equal(t, "web-1 pid 812", n.Owner)
			assert.NoError(t, n.Err)
		}
		require.NoError(t, lk.Extend(t.Context()))
		require.NoError(t, lk.Unlock(t.Context()))
		h, err = other.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.False(t, h.Held())
		assert.Empty(t, h.Nodes[0].Owner, "who had it last isn't who has it")
		assert.Equal(t, lk.Fence(), h.Nodes[0].Fence)
	})
}

// The key is gone on a voter whose clock ran ahead; the record says that the lock is held.
func TestInspectGoesByTheAgreedTime(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a"), join(t, q, "b")
		lk, err := l.TryLock(t.Context(), "job", redlock.Owner("nightly"))
		require.NoError(t, err)
		time.Sleep(ms)
		q.Node(0).Jump(time.Hour)
		h, err := other.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, lk.Token(), h.Nodes[0].Token)
		assert.Equal(t, "nightly", h.Owner)
		time.Sleep(11 * time.Second)
		h, err = other.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.False(t, h.Held(), "it ran out: %+v", h)
	})
}

func TestInspectNeedsEnoughVoters(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		_, err = l.Inspect(t.Context(), "another") // the first one gets more time
		require.NoError(t, err)
		time.Sleep(ms)
		q.Node(2).Pause()
		begun := time.Now()
		h, err := l.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.LessOrEqual(t, time.Since(begun), 260*ms)
		assert.True(t, h.Held())
		assert.ErrorContains(t, h.Nodes[2].Err, "didn't answer in time")
		q.Node(1).Flush()
		_, err = l.Inspect(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum, "the silent voter decides")
		q.Node(1).Pause()
		h, err = l.Inspect(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		assert.ErrorContains(t, err, `inspect "job": 1 of 3 voters answered, 2 needed`)
		assert.False(t, h.Held())
		assert.Equal(t, lk.Token(), h.Nodes[0].Token)
		q.Node(1).Resume()
		q.Node(2).Resume()
		_, err = l.Inspect(t.Context(), "")
		assert.ErrorIs(t, err, redlock.ErrInvalidName)
	})
}

// A plain lock has no record, and a classic client no owner.
func TestInspectOfPlainLocks(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		plain, fenced := join(t, q, "a", redlock.WithoutFencing()), join(t, q, "b")
		lk, err := plain.TryLock(t.Context(), "job")
		require.NoError(t, err)
		for _, l := range []*redlock.Locker{plain, fenced} {
			h, err := l.Inspect(t.Context(), "job")
			require.NoError(t, err)
			assert.Equal(t, lk.Token(), h.Token)
			assert.Zero(t, h.Fence)
			assert.InDelta(t, 10, h.Remaining.Seconds(), 0.1)
		}
	})
}

// What an error says at three in the morning.
func TestRefusalNamesTheOwner(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l, other := join(t, q, "a", redlock.WithOwner("web-1")), join(t, q, "b", redlock.WithOwner("web-2"))
		_, err := l.TryLock(t.Context(), "job", redlock.Owner("invoice 4711"))
		require.NoError(t, err)
		time.Sleep(ms)
		_, err = other.TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		assert.ErrorContains(t, err, `held by "invoice 4711" for `)
		var e *redlock.QuorumError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "invoice 4711", e.Owner())

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = other.Lock(ctx, "job")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, `held by "invoice 4711" for `)

		_, err = join(t, q, "c").TryLock(t.Context(), "job")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		assert.NotContains(t, err.Error(), "invoice", "it didn't ask")
	})
}

// Owners cost no command where nobody is in the way.
func TestOwnersCostNoCommand(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		var count atomic.Int64
		q.Node(0).OnCommand(func(redlocktest.Command) { count.Add(1) })
		cost := func(opts ...redlock.Option) int64 {
			l := join(t, q, "a", opts...)
			for range 2 { // the second time, all scripts are known
				time.Sleep(ms) // joining has commands of its own
				count.Store(0)
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				require.NoError(t, lk.Unlock(t.Context()))
			}
			time.Sleep(ms)
			return count.Load()
		}
		anonymous := cost()
		require.Positive(t, anonymous)
		assert.Equal(t, anonymous, cost(redlock.WithOwner("web-1")))
	})
}

// A restored lock says whose it is.
func TestHealingKeepsTheOwner(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a", redlock.WithOwner("web-1"))
		_, err := l.TryLock(t.Context(), "job", redlock.AutoRenew(true))
		require.NoError(t, err)
		time.Sleep(ms)
		q.Node(1).Flush()
		time.Sleep(10 * time.Second)
		h, err := l.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, "web-1", h.Nodes[1].Owner)
	})
}

func TestOwnersAreChecked(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		for text, complaint := range map[string]string{
			strings.Repeat("x", 129): "129 bytes long, at most 128",
			"two\nlines":             "control characters",
			"\xff":                   "isn't UTF-8",
		} {
			_, err := redlock.New(q.Clients(), redlock.WithOwner(text))
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
			assert.ErrorContains(t, err, complaint)
			_, err = join(t, q, "a").TryLock(t.Context(), "job", redlock.Owner(text))
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
		}
		_, err := redlock.New(q.Clients(), redlock.WithOwner("web-1"), redlock.WithoutFencing())
		assert.ErrorContains(t, err, "together with WithoutFencing")
		l := join(t, q, "a")
		lk, err := l.TryLock(t.Context(), "job", redlock.Owner(strings.Repeat("ü", 64)))
		require.NoError(t, err)
		h, err := l.Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat("ü", 64), h.Owner)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}

// A server that has forgotten everything is met first by somebody who only wants to know.
func TestInspectChangesNothing(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		for _, n := range q.Nodes() {
			n.Restart(false)
		}
		h, err := join(t, q, "a", redlock.Lazy()).Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.False(t, h.Held())
		time.Sleep(time.Second)
		for i := range q.Nodes() {
			keys, err := q.Member("b").Client(i, nil).Keys(t.Context(), "*").Result()
			require.NoError(t, err)
			assert.Empty(t, keys, "nobody was enrolled")
		}
	})
}

func TestInspectTellsWhatIsNoLock(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		for _, n := range q.Nodes() {
			n.Set("job", "data", 0)
		}
		h, err := join(t, q, "a").Inspect(t.Context(), "job")
		require.NoError(t, err)
		assert.Equal(t, "data", h.Token)
		assert.Zero(t, h.Remaining)
		assert.ErrorContains(t, h.Nodes[0].Err, "no TTL")
	})
}

// The first exchange takes longer than the node time-out, which is meant for one round trip.
func TestFirstInspectionOfFarVoters(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		warmUp(t, join(t, q, "a"))
		l := join(t, q, "b", redlock.WithNodeTimeout(100*ms))
		for i := range 3 {
			q.Member("b").Link(i).Delay(45*ms, 45*ms) // up to four times there and back: the locker may have begun to look when it is asked
		}
		_, err := l.Inspect(t.Context(), "job")
		require.NoError(t, err)
	})
}

// An error of a look at a lock isn't one of an attempt to take it.
func TestInspectThatIsCancelledSaysSo(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := l.Inspect(ctx, "job")
		require.ErrorIs(t, err, context.Canceled)
		assert.EqualError(t, err, `redlock: inspect "job": context canceled`)
		_, err = l.TryLock(ctx, "job")
		assert.EqualError(t, err, `redlock: acquire "job": context canceled`)
	})
}
