package redlock_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Each use of a name gives its record the whole life again.
func TestFenceLife(t *testing.T) {
	for life, opts := range map[time.Duration][]redlock.Option{
		24 * time.Hour:   nil,
		20 * time.Second: {redlock.WithFenceLife(20 * time.Second)},
		48 * time.Hour:   {redlock.WithFenceLife(48 * time.Hour)},
	} {
		t.Run(life.String(), func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, q *redlocktest.Quorum) {
				l := join(t, q, "a", opts...)
				left := func() time.Duration {
					d, ok := q.Node(0).PTTL(redlock.FenceKey("job"))
					require.True(t, ok)
					return d
				}
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				assert.InDelta(t, life, left(), float64(2*ms))
				time.Sleep(5 * time.Second)
				require.NoError(t, lk.Extend(t.Context()))
				assert.InDelta(t, life, left(), float64(2*ms))
				time.Sleep(5 * time.Second)
				require.NoError(t, lk.Unlock(t.Context()))
				assert.InDelta(t, life-5*time.Second, left(), float64(2*ms), "a release leaves it alone")
				q.Node(0).Jump(life) // which a locker with guards would notice
				assert.Empty(t, q.Node(0).Keys())
			})
		})
	}
}

func TestInvalidFenceLife(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	tests := map[string]struct {
		opts []redlock.Option
		says string
	}{
		"none":               {[]redlock.Option{redlock.WithFenceLife(0)}, "fence life 0s is less than twice the MaxTTL 10s; use WithFenceLife(20s) or more"},
		"less than twice":    {[]redlock.Option{redlock.WithFenceLife(20*time.Second - ms)}, "fence life 19.999s is less than twice the MaxTTL 10s"},
		"the longest counts": {[]redlock.Option{redlock.WithMaxTTL(time.Hour), redlock.WithFenceLife(time.Hour)}, "WithFenceLife(2h0m0s) or more"},
		"the default's":      {[]redlock.Option{redlock.WithTTL(13 * time.Hour)}, "WithFenceLife(26h0m0s) or more"},
		"below uncertainty": {[]redlock.Option{redlock.WithFenceLife(20 * time.Second), redlock.WithMaxClockError(2 * time.Second)},
			"fence life 20s leaves right clocks no room, since the time is known to within 8.5s only; use WithFenceLife(35s) or more, or a smaller WithMaxClockError or WithNodeTimeout"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := redlock.New([]redis.UniversalClient{client}, tt.opts...)
			require.ErrorIs(t, err, redlock.ErrInvalidOption)
			assert.ErrorContains(t, err, tt.says)
		})
	}
	open(t, []redis.UniversalClient{client}, redlock.WithTTL(13*time.Hour), redlock.WithFenceLife(26*time.Hour))
}

// A clock is put right by as much as a voting server's can be off: a quarter of the life to one
// side, and then to the other. The record must still be there when the lock is.
func TestShortFenceLifeOutlivesTheLock(t *testing.T) {
	for _, off := range []time.Duration{4 * time.Second, 4900 * ms, 5200 * ms} {
		t.Run(off.String(), func(t *testing.T) {
			bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
				one := join(t, q, "one", redlock.WithFenceLife(20*time.Second))
				two := join(t, q, "two", redlock.WithFenceLife(20*time.Second))
				// A right proposal would lengthen the life where the server's clock is behind.
				redlock.SetWall(one, -time.Hour)
				q.Node(2).Jump(-off)
				warmUp(t, one)
				warmUp(t, two)
				reach(q, "one", 0, 1, 2)
				held, err := one.TryLock(t.Context(), "job")
				if err != nil {
					require.ErrorContains(t, err, "its clock is")
					reachAll(q, "one", "two")
					return
				}
				q.Node(2).Jump(2 * off)
				reach(q, "two", 2, 3, 4)
				dropped := false
				for held.Valid() {
					if _, ok := q.Node(2).Get(redlock.FenceKey("job")); !ok {
						dropped = true
					}
					lk, err := two.TryLock(t.Context(), "job")
					require.False(t, err == nil && lk.Valid() && held.Valid(), "TWO HOLDERS for %v", held.Remaining())
					time.Sleep(20 * ms)
				}
				assert.False(t, dropped && off < 5*time.Second, "the record ended before the lock")
				reachAll(q, "one", "two")
			})
		})
	}
}

// Client 2's records live for a day, so it would take a clock that's an hour off. But client 1's don't.
func TestShortestFenceLifeOfAVoterCounts(t *testing.T) {
	bubble(t, 5, func(t *testing.T, q *redlocktest.Quorum) {
		one, two := join(t, q, "one", redlock.WithFenceLife(20*time.Second)), join(t, q, "two")
		warmUp(t, two)
		reach(q, "one", 0, 1, 2)
		reach(q, "two", 2, 3, 4)
		held, err := one.TryLock(t.Context(), "job")
		require.NoError(t, err)
		q.Node(2).Jump(time.Hour)
		lk, err := two.TryLock(t.Context(), "job")
		require.False(t, err == nil && lk.Valid() && held.Valid(), "TWO HOLDERS for %v", held.Remaining())
		require.ErrorContains(t, err, "its clock is 1h0m0s ahead of most others'")
		assert.False(t, held.Extend(t.Context()) == nil, "2 of 5 are left")
		reachAll(q, "one", "two")
		q.Node(2).Jump(-time.Hour)
		time.Sleep(11 * time.Second)
		warmUp(t, two)
	})
}

// A client whose wall clock is ahead carries the register ahead, too. Others must still get larger tokens
// when the record would have ended.
func TestRegisterThatIsAheadLivesLonger(t *testing.T) {
	bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
		ahead, right := join(t, q, "ahead", redlock.WithFenceLife(20*time.Second)), join(t, q, "right", redlock.WithFenceLife(20*time.Second))
		redlock.SetWall(ahead, 30*time.Minute)
		first, err := ahead.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, first.Unlock(t.Context()))
		for _, pause := range []time.Duration{21 * time.Second, 29 * time.Minute} {
			time.Sleep(pause)
			second, err := right.TryLock(t.Context(), "job")
			require.NoError(t, err)
			assert.Greater(t, second.Fence(), first.Fence())
			require.NoError(t, second.Unlock(t.Context()))
		}
		time.Sleep(time.Hour)
		assert.Empty(t, q.Node(0).Keys(), "it isn't kept for ever")
	})
}
