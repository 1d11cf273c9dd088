package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A voter whose clock leapt has let its registers expire with its locks, and its vote doesn't
// count. Neither may the fencing value that came with it: here it makes up a majority with a
// client's clock that is behind, against the only voter that remembers.
func TestFencingValueOfASuspectVoterDoesntCount(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		reach(q, "one", 1, 2)
		first, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, first.Unlock(t.Context()))

		meet := func() {
			other, err := two.TryLock(t.Context(), "another job")
			require.NoError(t, err)
			require.NoError(t, other.Unlock(t.Context()))
			time.Sleep(time.Second)
		}
		meet()
		q.Node(2).Jump(25 * time.Hour)
		meet()
		_, remembers := q.Node(2).Get(redlock.FenceKey("job"))
		require.False(t, remembers)

		redlock.SetWall(two, -time.Hour)
		for node := range 2 { // let the suspect answer first
			q.Member("two").Link(node).Delay(0, 5*ms)
		}
		second, err := two.TryLock(t.Context(), "job")
		require.NoError(t, err)
		assert.Greater(t, second.Fence(), first.Fence())
		reach(q, "one", 0, 1, 2)
	})
}
