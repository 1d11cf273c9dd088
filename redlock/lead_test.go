package redlock_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A leader that is cut off stands again when it can, with a larger term, and never leads twice at once.
func TestLeadStandsAgain(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		a, b := join(t, q, "a", redlock.WithOwner("a")), join(t, q, "b", redlock.WithOwner("b"))
		owner, term, err := b.Leader(t.Context(), "office")
		require.NoError(t, err)
		assert.Empty(t, owner)
		assert.Zero(t, term)

		ctx, cancel := context.WithCancel(t.Context())
		type inauguration struct {
			who  string
			term int64
		}
		elected := make(chan inauguration, 10)
		ended := make(chan error, 2)
		var leading atomic.Int32
		stand := func(who string, l *redlock.Locker) {
			ended <- l.Lead(ctx, "office", func(ctx context.Context, lk *redlock.Lock) error {
				assert.EqualValues(t, 1, leading.Add(1), "two lead")
				defer leading.Add(-1)
				elected <- inauguration{who, lk.Fence()}
				<-ctx.Done()
				return ctx.Err()
			})
		}
		go stand("a", a)
		first := <-elected
		owner, term, err = b.Leader(t.Context(), "office")
		require.NoError(t, err)
		assert.Equal(t, inauguration{owner, term}, first)
		go stand("b", b)
		time.Sleep(time.Minute)
		for i := range 3 {
			q.Member("a").Link(i).Cut()
		}
		second := <-elected
		assert.Equal(t, "b", second.who)
		assert.Greater(t, second.term, first.term)
		for i := range 3 {
			q.Member("a").Link(i).Reset()
			q.Member("a").Link(i).Heal()
			q.Member("b").Link(i).Cut()
		}
		third := <-elected
		assert.Equal(t, "a", third.who)
		assert.Greater(t, third.term, second.term)
		cancel()
		for range 2 {
			require.ErrorIs(t, <-ended, context.Canceled)
		}
		for i := range 3 {
			q.Member("b").Link(i).Reset()
			q.Member("b").Link(i).Heal()
		}
		time.Sleep(time.Minute)
	})
}

func TestLeadReturnsWhenTheLeaderResigns(t *testing.T) {
	bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
		l := join(t, q, "a")
		tired := errors.New("tired")
		require.ErrorIs(t, l.Lead(t.Context(), "office", func(context.Context, *redlock.Lock) error { return tired }), tired)
		assert.Zero(t, taken(q, "office"))
		terms := 0
		require.NoError(t, l.Lead(t.Context(), "office", func(ctx context.Context, _ *redlock.Lock) error {
			if terms++; terms < 3 {
				<-ctx.Done()
			}
			return nil
		}, redlock.MaxHold(time.Second)))
		assert.Equal(t, 3, terms)
	})
}
