package redlock_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// An address comes to lead to a server that another one leads to, while a client has a lock on the others. Two
// votes of that server would be a majority beside it.
func TestRealTwoAddressesOfOneServer(t *testing.T) {
	servers := startVotersNamed(t, "a", "b", "c")
	relay := redistest.NewRelay(t, servers[1].Addr)
	unreachable := redistest.NewRelay(t, "127.0.0.1:1")
	locker := func(addrs ...string) *redlock.Locker {
		clients := make([]redis.UniversalClient, len(addrs))
		for i, addr := range addrs {
			c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1})
			t.Cleanup(func() { _ = c.Close() })
			clients[i] = c
		}
		return open(t, clients, redlock.WithTTL(20*time.Second), redlock.WithNodeTimeout(patience), redlock.WithVoterNames("a", "b", "c"))
	}
	one := locker(unreachable.Addr, servers[1].Addr, servers[2].Addr)
	two := locker(servers[0].Addr, relay.Addr, servers[2].Addr)
	use(t, two, "warm-up")
	held, err := one.TryLock(t.Context(), "job")
	require.NoError(t, err)

	relay.Lead(servers[0].Addr)
	var qe *redlock.QuorumError
	for range 2 { // the first may meet broken connections only
		var lk *redlock.Lock
		lk, err = two.TryLock(t.Context(), "job")
		require.False(t, err == nil && lk.Valid() && held.Valid(), "TWO HOLDERS")
		require.ErrorAs(t, err, &qe)
	}
	require.ErrorIs(t, err, redlock.ErrNotAcquired)
	unfit := 0
	for _, n := range qe.Nodes {
		if n.Outcome == redlock.Unfit {
			unfit++
			assert.ErrorContains(t, n.Err, "a and b lead to the server")
			assert.ErrorContains(t, n.Err, "make them lead to two servers")
		}
	}
	assert.Equal(t, 1, unfit, "%v", qe)
	require.NoError(t, held.Unlock(t.Context()))
	use(t, two, "another job") // two servers are a majority of three

	relay.Lead(servers[1].Addr)
	redistest.Await(t, 10*time.Second, func() bool {
		use(t, two, "third job")
		return servers[1].Do("EXISTS", redlock.FenceKey("third job")) == int64(1)
	}, "the address isn't asked any more although it leads to a server of its own")
}
