package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A lock's window begins when the first request is about to be sent, also where the voters granted different
// values and a second round trip confirms one of them.
func TestConfirmationCountsFromTheStart(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		warmUp(t, l)
		for i := range 3 { // so that each grants another value
			q.Node(i).Set("job:fence", []string{"9007199254740000", "9007199254740010", "9007199254740020"}[i], time.Hour)
			q.Member("a").Link(i).Delay(60*ms, 60*ms)
		}
		begun := time.Now()
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		took := time.Since(begun)
		require.Greater(t, took, 240*ms, "two round trips")
		assert.LessOrEqual(t, lk.Remaining(), 10*time.Second-102*ms-took)
		assert.Greater(t, lk.Remaining(), 10*time.Second-102*ms-took-200*ms)
	})
}

// And that of an extension when it is.
func TestExtensionCountsFromItsStart(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		lk, err := join(t, q, "a").TryLock(t.Context(), "job")
		require.NoError(t, err)
		for i := range 3 {
			q.Member("a").Link(i).Delay(60*ms, 60*ms)
		}
		begun := time.Now()
		require.NoError(t, lk.Extend(t.Context()))
		took := time.Since(begun)
		require.GreaterOrEqual(t, took, 120*ms)
		assert.LessOrEqual(t, lk.Remaining(), 10*time.Second-102*ms-took)
	})
}
