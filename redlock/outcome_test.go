package redlock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

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
				_, err = l.TryLock(t.Context(), "job") // so that the node time-out is meant to do
				require.ErrorIs(t, err, redlock.ErrNotAcquired)
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

// Who cancels a call knows nothing of the voters.
func TestCancellingIsNoTimeout(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		var events []redlock.Event
		l := join(t, q, "a", onDone(func(e redlock.Event) { events = append(events, e) }))
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		for i := range 3 {
			q.Member("a").Link(i).Delay(0, 50*ms)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*ms)
		defer cancel()
		err = lk.Unlock(ctx)
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for _, nodes := range [][]redlock.NodeResult{qe.Nodes, events[len(events)-1].Nodes} {
			for _, n := range nodes {
				assert.Equal(t, redlock.Unawaited, n.Outcome)
			}
		}
		time.Sleep(time.Second)
		assert.Zero(t, taken(q, "job"), "released all the same")
	})
}

// An expired lock's record isn't what stands in the way of the next one, also where it's there still.
func TestExpiredRecordBesideAnothersKey(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		crashed := join(t, q, "crashed")
		for _, name := range []string{"classic", "data"} {
			_, err := crashed.TryLock(t.Context(), name)
			require.NoError(t, err)
		}
		require.NoError(t, crashed.Close())
		time.Sleep(time.Minute)
		for i := range 3 {
			q.Node(i).Set("classic", "a client without records", 5*time.Second)
			q.Node(i).Set("data", "no lock at all", 0)
		}
		var last redlock.Event
		l := join(t, q, "b", onDone(func(e redlock.Event) { last = e }))
		warmUp(t, l)

		_, err := l.TryLock(t.Context(), "data")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		assert.ErrorContains(t, err, "the key has no TTL, so it isn't a lock")
		assert.Equal(t, 1, last.Attempts, "asking again is no use")

		_, err = l.TryLock(t.Context(), "classic")
		var qe *redlock.QuorumError
		require.ErrorAs(t, err, &qe)
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		for _, n := range qe.Nodes {
			if n.Outcome == redlock.Held {
				assert.InDelta(t, 5*time.Second, n.Remaining, float64(time.Second))
			}
		}
		assert.Equal(t, 1, last.Attempts, "asking again is no use")
	})
}
