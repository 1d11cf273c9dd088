package redlock_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// patience is the node time-out where time isn't what the test is about: machines that run
// tests are busy.
const patience = 5 * time.Second

// startVoters starts servers that have been voting for years: no lock has to wait for them.
func startVoters(t *testing.T, n int) []*redistest.Server {
	t.Helper()
	servers := redistest.StartAll(t, n)
	redistest.Form(servers, addrs(servers))
	return servers
}

// startVotersNamed is startVoters for lockers that name them so.
func startVotersNamed(t *testing.T, names ...string) []*redistest.Server {
	t.Helper()
	servers := redistest.StartAll(t, len(names))
	redistest.Form(servers, names)
	return servers
}

func dial(t *testing.T, servers []*redistest.Server, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	return dialURLs(t, urls(servers), opts...)
}

func dialURLs(t *testing.T, urls []string, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	l, err := redlock.Dial(t.Context(), urls, append([]redlock.Option{redlock.WithNodeTimeout(patience)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

func urls(servers []*redistest.Server) []string {
	all := make([]string, len(servers))
	for i, s := range servers {
		all[i] = s.URL()
	}
	return all
}

// defaults returns a locker on clients with the default options of go-redis: no context
// time-outs, three retries, three seconds for a reply.
func defaults(t *testing.T, servers []*redistest.Server, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	awaitDials(t)
	clients := make([]redis.UniversalClient, len(servers))
	for i, s := range servers {
		clients[i] = s.Client(nil)
	}
	return open(t, clients, append([]redlock.Option{redlock.WithNodeTimeout(patience)}, opts...)...)
}

// awaitDials waits at the test's end until go-redis has given up what it was dialling. It does
// so on goroutines of its own, which outlive their client for seconds.
func awaitDials(t *testing.T) {
	t.Cleanup(func() {
		stacks := make([]byte, 1<<22)
		redistest.Await(t, time.Minute, func() bool {
			return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("pool.(*ConnPool)"))
		}, "go-redis is still dialling")
	})
}

type setUp func(*testing.T, []*redistest.Server, ...redlock.Option) *redlock.Locker

// bothWays runs a test with the clients that Dial makes and with those that users bring.
func bothWays(t *testing.T, test func(*testing.T, setUp)) {
	for name, setUp := range map[string]setUp{"Dial": dial, "New": defaults} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			test(t, setUp)
		})
	}
}

// use takes and releases a lock, which shows that the quorum is usable.
func use(t *testing.T, l *redlock.Locker, name string) *redlock.Lock {
	t.Helper()
	lk, err := l.TryLock(t.Context(), name)
	require.NoError(t, err)
	require.NoError(t, lk.Unlock(t.Context()))
	return lk
}

// bounded runs f, which is to return within the limit.
func bounded(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	begun := time.Now()
	f()
	assert.LessOrEqual(t, time.Since(begun), limit, what)
}

// remains returns the locks on a server, whoever holds them.
func remains(s *redistest.Server) []string {
	var locks []string
	for _, key := range s.Do("KEYS", "*").([]any) {
		if name := key.(string); !strings.HasSuffix(name, ":fence") && !strings.HasSuffix(name, ":fenced") && name != "redlock:voter" {
			locks = append(locks, name)
		}
	}
	return locks
}

// requireNothingLeft waits, for a bounded time, until no server has a lock.
func requireNothingLeft(t *testing.T, limit time.Duration, servers ...*redistest.Server) {
	t.Helper()
	for _, s := range servers {
		redistest.Await(t, limit, func() bool { return len(remains(s)) == 0 }, "%s still has locks", s.Addr)
	}
}

func TestRealLifeOfALock(t *testing.T) {
	servers := startVoters(t, 5)
	for name, locker := range map[string]*redlock.Locker{
		"Dial":  dial(t, servers),
		"New":   defaults(t, servers),
		"plain": dial(t, servers, redlock.WithoutFencing()),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			lk, err := locker.TryLock(ctx, "job", redlock.TTL(5*time.Second))
			require.NoError(t, err)
			assert.True(t, lk.Valid())
			assert.InDelta(t, 4948*time.Millisecond, lk.Remaining(), float64(time.Second))
			assert.Equal(t, name == "plain", lk.Fence() == 0)

			_, err = locker.TryLock(ctx, "job")
			require.ErrorIs(t, err, redlock.ErrNotAcquired)

			read, remaining := time.Now(), lk.Remaining()
			time.Sleep(20 * time.Millisecond)
			require.NoError(t, lk.Extend(ctx))
			gained := lk.Remaining() - (remaining - time.Since(read))
			assert.GreaterOrEqual(t, gained, 19*time.Millisecond)
			require.NoError(t, lk.Unlock(ctx))
			assert.False(t, lk.Valid())
			require.ErrorIs(t, context.Cause(lk.Context()), context.Canceled)
			require.ErrorIs(t, lk.Extend(ctx), redlock.ErrLost)

			next, err := locker.Lock(ctx, "job")
			require.NoError(t, err)
			if name != "plain" {
				assert.Greater(t, next.Fence(), lk.Fence())
			}
			assert.NotEqual(t, lk.Token(), next.Token())
			require.NoError(t, next.Unlock(ctx))
		})
	}
}

// L: a release that overtakes its own acquisition leaves an orphan, one in a hundred elsewhere.
func TestRealPairsLeaveNoOrphans(t *testing.T) {
	const goroutines, pairs = 16, 125 // each
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 5)
		l := setUp(t, servers, redlock.WithTTL(time.Minute))
		var running sync.WaitGroup
		for g := range goroutines {
			running.Go(func() {
				for i := range pairs {
					lk, err := l.TryLock(t.Context(), fmt.Sprintf("job:%d:%d", g, i))
					if assert.NoError(t, err) {
						assert.NoError(t, lk.Unlock(t.Context()))
					}
				}
			})
		}
		running.Wait()
		require.NoError(t, l.Close()) // a server that lags behind has got everything then
		requireNothingLeft(t, 0, servers...)
		registers := 0
		for _, s := range servers {
			registers += int(s.Do("DBSIZE").(int64)) - 1 // the marker
		}
		assert.GreaterOrEqual(t, registers, 3*goroutines*pairs, "each was granted by a majority")
	})
}

// One address per voter doesn't make it one server per voter.
func TestRealDialFindsTheSameServerUnderTwoNames(t *testing.T) {
	servers := redistest.StartAll(t, 2)
	_, port, _ := strings.Cut(servers[0].Addr, ":")
	_, err := redlock.Dial(t.Context(), append(urls(servers), "redis://[::ffff:127.0.0.1]:"+port))
	require.ErrorIs(t, err, redlock.ErrInvalidOption)
	assert.Contains(t, err.Error(), "same server")
	assert.Contains(t, err.Error(), servers[0].Addr)
}
