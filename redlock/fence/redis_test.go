package fence_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/fence/internal/fencetest"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// eachRedis runs a test on miniredis and on a real redis-server, which must agree. The function
// it hands over opens another client of the same server.
func eachRedis(t *testing.T, test func(t *testing.T, dial func(t *testing.T) redis.UniversalClient)) {
	t.Run("miniredis", func(t *testing.T) {
		server := miniredis.RunT(t)
		test(t, func(t *testing.T) redis.UniversalClient {
			return closedWith(t, redis.NewClient(&redis.Options{Addr: server.Addr()}))
		})
	})
	t.Run("redis-server", func(t *testing.T) {
		options := startRedis(t)
		test(t, func(t *testing.T) redis.UniversalClient { return closedWith(t, redis.NewClient(options)) })
	})
}

func closedWith[C redis.UniversalClient](t *testing.T, client C) C {
	t.Cleanup(func() { _ = client.Close() }) // fails only where the test has closed it
	return client
}

// startRedis starts a redis-server.
func startRedis(t *testing.T, args ...string) *redis.Options {
	return &redis.Options{Addr: redistest.Start(t, args...).Addr}
}

var appendScript = fence.NewScript(`return redis.call('RPUSH', KEYS[1], ARGV[1])`)

func TestRedisConformance(t *testing.T) {
	eachRedis(t, func(t *testing.T, dial func(*testing.T) redis.UniversalClient) {
		fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
			reader := dial(t)
			require.NoError(t, reader.FlushAll(t.Context()).Err())
			return redisResource(dial(t), reader, opts...)
		})
	})
}

// redisResource keeps the log of each name in a list.
func redisResource(writer, reader redis.UniversalClient, opts ...fence.Option) fencetest.Resource {
	guard := fence.NewRedis(writer, opts...)
	failScript := fence.NewScript(`return redis.error_reply('ERR failed on purpose')`)
	// With a register's hash tag in it, a log is in the register's slot.
	logKey := func(name string) string { return "log:" + fence.RegisterKey(name) }
	return fencetest.Resource{
		Append: func(ctx context.Context, name string, token int64, entry string) error {
			return guard.Run(ctx, appendScript, name, token, []string{logKey(name)}, entry).Err()
		},
		Fail: func(ctx context.Context, name string, token int64, entry string) error {
			err := guard.Run(ctx, failScript, name, token, []string{logKey(name)}, entry).Err()
			var reply redis.Error
			if errors.As(err, &reply) && reply.Error() == "ERR failed on purpose" {
				return fencetest.ErrFailed
			}
			return err
		},
		Log: func(t testing.TB, name string) []string {
			entries, err := reader.LRange(t.Context(), logKey(name), 0, -1).Result()
			require.NoError(t, err)
			if len(entries) == 0 {
				return nil
			}
			return entries
		},
		Close: func() { _ = writer.Close() },
	}
}

func TestRedisSet(t *testing.T) {
	eachRedis(t, func(t *testing.T, dial func(*testing.T) redis.UniversalClient) {
		ctx, client := t.Context(), dial(t)
		guard := fence.NewRedis(client)
		get := func() string { return client.Get(ctx, "account").Val() }
		require.NoError(t, guard.Set(ctx, "account", 34, "account", "new", 0))
		require.Equal(t, time.Duration(-1), client.TTL(ctx, "account").Val(), "no expiry")
		require.ErrorIs(t, guard.Set(ctx, "account", 33, "account", "old", 0), fence.ErrStale)
		require.Equal(t, "new", get())

		require.NoError(t, guard.Set(ctx, "account", 34, "account", 7, time.Minute))
		require.Equal(t, "7", get())
		require.InDelta(t, time.Minute, client.PTTL(ctx, "account").Val(), float64(30*time.Second))

		for _, ttl := range []time.Duration{-1, -time.Second, 1, time.Millisecond - 1} {
			err := guard.Set(ctx, "account", 35, "account", "no", ttl)
			require.ErrorIs(t, err, fence.ErrInvalidWrite)
			require.ErrorContains(t, err, ttl.String())
		}
		for name, register := range map[string]string{"account": "fence:{account}", "{a}b": "fence:tagged:{a}b"} {
			err := guard.Set(ctx, name, 35, register, "1", 0)
			require.ErrorIs(t, err, fence.ErrInvalidWrite, "a write may not lower the register")
		}
		require.Equal(t, "7", get())
		require.Equal(t, "34", client.Get(ctx, "fence:{account}").Val())
		require.Equal(t, time.Duration(-1), client.TTL(ctx, "fence:{account}").Val(), "a register doesn't expire")
	})
}

func TestRedisRun(t *testing.T) {
	eachRedis(t, func(t *testing.T, dial func(*testing.T) redis.UniversalClient) {
		ctx, client := t.Context(), dial(t)
		guard := fence.NewRedis(client)
		// The script sees its own keys and arguments, and none of the guard's.
		script := fence.NewScript(`
			redis.call('MSET', KEYS[1], ARGV[1], KEYS[2], ARGV[2])
			return {#KEYS, #ARGV, KEYS[1], ARGV[2]}`)
		reply, err := guard.Run(ctx, script, "account", 1, []string{"x", "y"}, "1", "2").Slice()
		require.NoError(t, err)
		require.Equal(t, []any{int64(2), int64(2), "x", "2"}, reply)
		require.Equal(t, []any{"1", "2"}, client.MGet(ctx, "x", "y").Val())

		nothing := fence.NewScript(`return false`)
		require.Equal(t, redis.Nil, guard.Run(ctx, nothing, "account", 1, nil).Err(), "no reply isn't an error")

		broken := fence.NewScript(`this is no Lua`)
		require.Error(t, guard.Run(ctx, broken, "account", 9, nil).Err())
		require.Equal(t, redis.Nil, guard.Run(ctx, nothing, "account", 2, nil).Err(), "token 9 never got in")
	})
}

func TestRedisRefusesABrokenRegister(t *testing.T) {
	eachRedis(t, func(t *testing.T, dial func(*testing.T) redis.UniversalClient) {
		ctx, client := t.Context(), dial(t)
		guard := fence.NewRedis(client)
		require.NoError(t, client.Set(ctx, "fence:{account}", "garbage", 0).Err())
		err := guard.Set(ctx, "account", 1, "account", "no", 0)
		require.ErrorContains(t, err, "fence:{account} holds no number")
		require.NotErrorIs(t, err, fence.ErrStale)

		require.NoError(t, client.Del(ctx, "fence:{account}").Err())
		require.NoError(t, client.RPush(ctx, "fence:{account}", "1").Err())
		require.ErrorContains(t, guard.Set(ctx, "account", 1, "account", "no", 0), "WRONGTYPE")
		require.Zero(t, client.Exists(ctx, "account").Val())
	})
}

// A server that's out of memory must not do the write either.
func TestRedisOutOfMemory(t *testing.T) {
	client := closedWith(t, redis.NewClient(startRedis(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")))
	err := fence.NewRedis(client).Set(t.Context(), "account", 1, "account", "no", 0)
	require.ErrorContains(t, err, "OOM")
	require.Zero(t, client.Exists(t.Context(), "account", "fence:{account}").Val())
}

func TestRedisCluster(t *testing.T) {
	client := startCluster(t)
	t.Run("conformance", func(t *testing.T) {
		fencetest.Run(t, func(t *testing.T, opts ...fence.Option) fencetest.Resource {
			require.NoError(t, client.FlushAll(t.Context()).Err())
			writer := closedWith(t, redis.NewClusterClient(client.Options()))
			return redisResource(writer, client, opts...)
		})
	})
	t.Run("one slot", func(t *testing.T) {
		ctx, guard := t.Context(), fence.NewRedis(client)
		require.NoError(t, client.FlushAll(ctx).Err())
		require.NoError(t, guard.Set(ctx, "account", 1, "account", "yes", 0))
		require.NoError(t, guard.Set(ctx, "account", 1, "{account}:balance", "yes", 0))
		require.NoError(t, guard.Set(ctx, "user:{42}", 1, "user:{42}", "yes", 0))
		require.NoError(t, guard.Set(ctx, "user:{42}", 1, "{42}:balance", "yes", 0))
		require.ErrorContains(t, guard.Set(ctx, "account", 2, "elsewhere", "no", 0), "CROSSSLOT")
		require.Zero(t, client.Exists(ctx, "elsewhere").Val())
		require.NoError(t, guard.Set(ctx, "account", 1, "account", "yes", 0), "token 2 never got in")
	})
}

// startCluster starts a cluster of one node, which has all slots and all rules of a large one.
func startCluster(t *testing.T) *redis.ClusterClient {
	node := redistest.StartCluster(t, 1)[0]
	return closedWith(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{node.Addr}}))
}

func TestRegisterKey(t *testing.T) {
	client := startCluster(t)
	slot := func(key string) int64 { return client.ClusterKeySlot(t.Context(), key).Val() }
	seen := map[string]string{}
	for _, name := range []string{"a", "{a}", "{a}b", "b{a}", "b{a}{b}", "{{a}", "tagged:{a}", "a:b", "{a", "a{"} {
		key := fence.RegisterKey(name)
		require.Equal(t, slot(name), slot(key), "%q: the register %q must be in its name's slot", name, key)
		require.Empty(t, seen[key], "%q and another name share a register", name)
		seen[key] = name
	}
	// These hash as a whole, and no hash tag can hold them. Their data must carry the register's.
	for _, name := range []string{"a}", "{}a", "{}{a}"} {
		key := fence.RegisterKey(name)
		require.NotEqual(t, slot(name), slot(key))
		require.Empty(t, seen[key])
		seen[key] = name
	}
}
