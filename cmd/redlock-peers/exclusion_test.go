package main_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	goredis9 "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
)

// Programs that use redsync and programs that use this library may share names: both keep the
// lock in the key of that name.
func TestRedsyncAndRedlockExcludeEachOther(t *testing.T) {
	addrs := startServers(t, 3)
	theirs := newRedsync(t, addrs)
	for mode, opts := range map[string][]redlock.Option{"guarded": nil, "plain": {redlock.WithoutFencing()}} {
		t.Run(mode, func(t *testing.T) {
			ours := newLocker(t, addrs, opts...)
			t.Run("ours first", func(t *testing.T) { oursFirst(t, ours, theirs) })
			t.Run("theirs first", func(t *testing.T) { theirsFirst(t, ours, theirs) })
			t.Run("ours expires", func(t *testing.T) { oursExpires(t, ours, theirs) })
			t.Run("theirs expires", func(t *testing.T) { theirsExpires(t, ours, theirs) })
		})
	}
}

func oursFirst(t *testing.T, ours *redlock.Locker, theirs *redsync.Redsync) {
	lock, err := ours.TryLock(t.Context(), "job")
	require.NoError(t, err)
	mutex := theirs.NewMutex("job")
	require.Error(t, mutex.TryLock())
	require.NoError(t, lock.Unlock(t.Context()))
	awaitMutex(t, mutex)
	unlock(t, mutex)
}

func theirsFirst(t *testing.T, ours *redlock.Locker, theirs *redsync.Redsync) {
	mutex := theirs.NewMutex("job")
	awaitMutex(t, mutex)
	_, err := ours.TryLock(t.Context(), "job")
	require.ErrorIs(t, err, redlock.ErrNotAcquired)
	extend(t, mutex) // our attempt has left theirs alone
	unlock(t, mutex)
	lock, err := ours.TryLock(t.Context(), "job")
	require.NoError(t, err)
	require.NoError(t, lock.Unlock(t.Context()))
}

func oursExpires(t *testing.T, ours *redlock.Locker, theirs *redsync.Redsync) {
	lock, err := ours.TryLock(t.Context(), "ours expires", redlock.TTL(time.Second))
	require.NoError(t, err)
	mutex := theirs.NewMutex("ours expires")
	require.Error(t, mutex.TryLock())
	awaitMutex(t, mutex)
	assert.False(t, lock.Valid(), "both believe that they hold it")
	require.ErrorIs(t, lock.Unlock(t.Context()), redlock.ErrLost)
	extend(t, mutex) // our late release has left theirs alone
	unlock(t, mutex)
}

func theirsExpires(t *testing.T, ours *redlock.Locker, theirs *redsync.Redsync) {
	mutex := theirs.NewMutex("theirs expires", redsync.WithExpiry(time.Second))
	require.NoError(t, mutex.TryLock())
	lock, err := ours.Lock(within(t, patience), "theirs expires")
	require.NoError(t, err)
	assert.True(t, time.Now().After(mutex.Until()), "both believe that they hold it")
	_, err = mutex.Unlock()
	require.Error(t, err)
	require.NoError(t, lock.Unlock(t.Context()), "their late release has left ours alone")
}

// patience bounds what is waited for; machines that run tests are busy.
const patience = 20 * time.Second

// awaitMutex takes the mutex as soon as it's free. A release reaches the last server in the
// background.
func awaitMutex(t *testing.T, mutex *redsync.Mutex) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := mutex.TryLock()
		if err == nil {
			return
		}
		require.True(t, time.Now().Before(deadline), "%v", err)
	}
}

func extend(t *testing.T, mutex *redsync.Mutex) {
	t.Helper()
	extended, err := mutex.Extend()
	require.NoError(t, err)
	require.True(t, extended)
}

func unlock(t *testing.T, mutex *redsync.Mutex) {
	t.Helper()
	released, err := mutex.Unlock()
	require.NoError(t, err)
	require.True(t, released)
}

// newLocker returns a locker whose voters are ready: those that it doesn't know have to wait for
// its TTL first.
func newLocker(t *testing.T, addrs []string, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	urls := make([]string, len(addrs))
	for i, addr := range addrs {
		urls[i] = "redis://" + addr
	}
	opts = append([]redlock.Option{redlock.WithTTL(2 * time.Second), redlock.WithNodeTimeout(time.Second)}, opts...)
	l, err := redlock.Dial(t.Context(), urls, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	lock, err := l.Lock(within(t, patience), "ready")
	require.NoError(t, err)
	require.NoError(t, lock.Unlock(t.Context()))
	return l
}

func newRedsync(t *testing.T, addrs []string) *redsync.Redsync {
	t.Helper()
	pools := make([]redis.Pool, len(addrs))
	for i, addr := range addrs {
		c := goredis9.NewClient(&goredis9.Options{Addr: addr})
		t.Cleanup(func() { assert.NoError(t, c.Close()) })
		pools[i] = goredis.NewPool(c)
	}
	return redsync.New(pools...)
}

// within returns a context that ends with the time.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
