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

// A client that meets two of five voters with the same wrong time, and has lately heard of one
// other only, must not take the two for the majority: it takes three of five to agree.
func TestMostOfThoseHeardOfAreNoMajority(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one"), join(t, q, "two")
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 2, 3, 4)
		lk, err := two.TryLock(t.Context(), "another job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
		reach(q, "two", 3)
		for range 12 { // until it has forgotten the others' clocks
			time.Sleep(time.Second)
			_, err = two.TryLock(t.Context(), "another job")
			require.ErrorIs(t, err, redlock.ErrNoQuorum)
		}
		held, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(0).Jump(time.Minute)
		q.Node(1).Jump(time.Minute)
		reach(q, "two", 0, 1, 3)
		time.Sleep(time.Second) // the connections across the cut links are given up
		_, err = two.TryLock(t.Context(), "job")
		require.True(t, held.Valid())
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		assert.ErrorContains(t, err, "clock suspect")
		reach(q, "one", 0, 1, 2, 3, 4)
		reach(q, "two", 0, 1, 2, 3, 4)
	})
}

// One wrong clock among three doesn't keep those waiting who meet the voters for the first
// time: two that agree are a majority, in whatever order they answer.
func TestOneWrongClockDoesntHoldUpNewcomers(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		q.Node(0).Jump(time.Second)
		q.Member("new").Link(1).Delay(0, 10*ms)
		q.Member("new").Link(2).Delay(0, 40*ms)
		l := join(t, q, "new")
		ctx, cancel := context.WithTimeout(t.Context(), 500*ms)
		defer cancel()
		lk, err := l.Lock(ctx, "job")
		require.NoError(t, err)
		require.NoError(t, lk.Unlock(t.Context()))
	})
}
