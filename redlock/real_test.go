package redlock_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

func dial(t *testing.T, servers []*redistest.Server, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	urls := make([]string, len(servers))
	for i, s := range servers {
		urls[i] = s.URL()
	}
	l, err := redlock.Dial(t.Context(), urls, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// defaults returns a locker on clients with the default options of go-redis: no context
// time-outs, three retries, three seconds for a reply.
func defaults(t *testing.T, servers []*redistest.Server, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	clients := make([]redis.UniversalClient, len(servers))
	for i, s := range servers {
		c := s.Client(nil)
		t.Cleanup(func() { _ = c.Close() })
		clients[i] = c
	}
	l, err := redlock.New(clients, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

func TestRealLifeOfALock(t *testing.T) {
	servers := redistest.StartAll(t, 5)
	for name, locker := range map[string]*redlock.Locker{"Dial": dial(t, servers), "New": defaults(t, servers), "plain": dial(t, servers, redlock.WithoutFencing())} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			lk, err := locker.TryLock(ctx, "job", redlock.TTL(time.Second))
			require.NoError(t, err)
			assert.True(t, lk.Valid())
			assert.InDelta(t, 988*time.Millisecond, lk.Remaining(), float64(200*time.Millisecond))
			assert.Equal(t, name == "plain", lk.Fence() == 0)

			_, err = locker.TryLock(ctx, "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)

			before := lk.Remaining()
			time.Sleep(20 * time.Millisecond)
			require.NoError(t, lk.Extend(ctx))
			assert.Greater(t, lk.Remaining(), before-10*time.Millisecond)
			require.NoError(t, lk.Unlock(ctx))
			assert.False(t, lk.Valid())
			require.ErrorIs(t, context.Cause(lk.Context()), context.Canceled)
			require.ErrorIs(t, lk.Extend(ctx), redlock.ErrLost)

			next, err := locker.Lock(ctx, "job")
			require.NoError(t, err)
			assert.GreaterOrEqual(t, next.Fence(), lk.Fence())
			assert.NotEqual(t, lk.Token(), next.Token())
			require.NoError(t, next.Unlock(ctx))
		})
	}
}
