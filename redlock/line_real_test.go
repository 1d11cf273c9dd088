package redlock_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// A cluster that is a voter keeps the line where the name's slot is. Where it can't, Lock asks again and again.
func TestRealClusterCallsWhoWaits(t *testing.T) {
	masters := redistest.StartCluster(t, 3)
	cluster := func() []redis.UniversalClient {
		var addrs []string
		for _, m := range masters {
			addrs = append(addrs, m.Addr)
		}
		c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
		t.Cleanup(func() { _ = c.Close() })
		return []redis.UniversalClient{c}
	}
	for mode, opts := range map[string][]redlock.Option{"fenced": nil, "plain": {redlock.WithoutFencing()}} {
		holder, l := open(t, cluster(), opts...), open(t, cluster(), opts...)
		for _, name := range []string{"job", "cron:daily", "{user:7}:cart", "a}b"} {
			if mode == "fenced" && name == "a}b" {
				continue // refused on clusters
			}
			t.Run(fmt.Sprint(mode, " ", name), func(t *testing.T) {
				assert.Less(t, handed(t, holder, l, name), time.Second)
			})
		}
	}
}

// handed takes a lock, has another wait for it, gives it back, and returns how long the other took.
func handed(t *testing.T, holder, l *redlock.Locker, name string) time.Duration {
	t.Helper()
	held, err := holder.Lock(t.Context(), name)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := make(chan time.Time, 1)
	go func() {
		defer close(got)
		if lk, err := l.Lock(ctx, name); assert.NoError(t, err) {
			got <- time.Now()
			assert.NoError(t, lk.Unlock(ctx))
		}
	}()
	time.Sleep(1500 * time.Millisecond)
	begun := time.Now()
	require.NoError(t, held.Unlock(t.Context()))
	at := <-got
	<-got // closed when it has given it back
	return at.Sub(begun)
}

// On real servers, too, a waiter is called, and the subscription ends with the locker.
func TestRealReleaseCallsWhoWaits(t *testing.T) {
	servers := startVoters(t, 3)
	holder, l := dial(t, servers), dial(t, servers)
	var took []time.Duration
	for range 3 {
		took = append(took, handed(t, holder, l, "job"))
	}
	slices.Sort(took)
	assert.Less(t, took[1], 100*time.Millisecond, "most of %v: a machine at its limit takes longer now and then", took)
	assert.Less(t, took[2], time.Second, "%v", took)
	lead := servers[redlock.LeadVoter("job", 3)]
	assert.NotEmpty(t, lead.Do("PUBSUB", "CHANNELS", "redlock:wake:*"))
	require.NoError(t, l.Close())
	require.NoError(t, holder.Close())
	redistest.Await(t, 5*time.Second, func() bool { return len(lead.Do("PUBSUB", "CHANNELS", "*").([]any)) == 0 })
}
