package fence_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// A Ring sends a key elsewhere while its server is down. There no token has been seen, so that
// a stale write passes, and the last one is unreadable.
func TestRedisRefusesARing(t *testing.T) {
	server := miniredis.RunT(t)
	ring := closedWith(t, redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": server.Addr()}}))
	type wrapped struct{ *redis.Ring }
	for _, client := range []redis.UniversalClient{ring, wrapped{ring}, nil, (*redis.Client)(nil)} {
		guard := fence.NewRedis(client)
		require.ErrorIs(t, guard.Set(t.Context(), "account", 1, "account", "no", 0), fence.ErrInvalidClient, "%T", client)
		require.ErrorIs(t, guard.Run(t.Context(), appendScript, "account", 1, []string{"account"}, "no").Err(), fence.ErrInvalidClient)
	}
	require.ErrorContains(t, fence.NewRedis(ring).Set(t.Context(), "account", 1, "account", "no", 0), "use one server or a cluster")
	require.Empty(t, server.Keys())
}

// What Lua takes for a number isn't always a token: nan is larger than none, and every stale
// write would pass.
func TestRedisRefusesARegisterThatIsNoToken(t *testing.T) {
	eachRedis(t, func(t *testing.T, dial func(*testing.T) redis.UniversalClient) {
		ctx, client := t.Context(), dial(t)
		guard := fence.NewRedis(client)
		for _, value := range []string{"nan", "NaN", "-nan", "inf", "-inf", "", " 7", "7 ", "-7", "+7", "7.5", "1e3", "0x7",
			"9007199254740992", "99999999999999999999", "7\n"} {
			require.NoError(t, client.Set(ctx, "fence:{account}", value, 0).Err())
			for _, token := range []int64{1, fence.MaxToken} {
				err := guard.Set(ctx, "account", token, "account", "no", 0)
				require.ErrorContains(t, err, "fence:{account} holds no number from 0 to 2^53-1", "%q", value)
				require.NotErrorIs(t, err, fence.ErrStale)
			}
			require.Equal(t, value, client.Get(ctx, "fence:{account}").Val(), "it's left for whoever repairs it")
		}
		require.Zero(t, client.Exists(ctx, "account").Val())
		require.NoError(t, client.Set(ctx, "fence:{account}", fence.MaxToken, 0).Err())
		require.NoError(t, guard.Set(ctx, "account", fence.MaxToken, "account", "yes", 0))
	})
}
