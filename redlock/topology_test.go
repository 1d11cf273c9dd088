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

func TestRealTLS(t *testing.T) {
	authority := redistest.NewAuthority(t)
	servers := make([]*redistest.Server, 3)
	for i := range servers {
		servers[i] = redistest.StartTLS(t, authority).Enrol()
	}
	t.Run("clients that trust the authority", func(t *testing.T) {
		use(t, defaults(t, servers), "job")
	})
	t.Run("a machine that trusts the authority", func(t *testing.T) {
		cmd := child(t, "dial", urls(servers)...)
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+authority.File)
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
	t.Run("unknown authority", func(t *testing.T) {
		_, err := redlock.Dial(t.Context(), urls(servers))
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		assert.Contains(t, err.Error(), "certificate signed by unknown authority")
	})
	t.Run("servers without TLS", func(t *testing.T) {
		plain := redistest.Start(t)
		for _, opts := range [][]redlock.Option{{redlock.Lazy()}, {redlock.Lazy(), redlock.WithoutFencing()}} {
			l, err := redlock.Dial(t.Context(), []string{"rediss://" + plain.Addr}, append(opts, redlock.WithNodeTimeout(50*time.Millisecond))...)
			require.NoError(t, err)
			_, err = l.TryLock(t.Context(), "job")
			require.NoError(t, l.Close())
			assert.ErrorContains(t, err, "rediss:// to a server without TLS ends like this")
		}
	})
	t.Run("plain text", func(t *testing.T) {
		_, err := redlock.Dial(t.Context(), []string{"redis://" + servers[0].Addr})
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
	})
}

// A master with a replica that a Sentinel promotes is one voter.
func TestRealSentinel(t *testing.T) {
	awaitDials(t)
	master := redistest.Start(t).Enrol()
	replica := follow(t, master)
	sentinel := redistest.StartSentinel(t, "voter", master)
	redistest.Await(t, 20*time.Second, func() bool {
		return len(sentinel.Do("SENTINEL", "REPLICAS", "voter").([]any)) == 1
	}, "the Sentinel doesn't find the replica")

	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "voter", SentinelAddrs: []string{sentinel.Addr}})
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	l := open(t, []redis.UniversalClient{client}, redlock.WithTTL(2*time.Second), redlock.WithNodeTimeout(time.Second))
	before := use(t, l, "job")

	master.Kill()
	var after *redlock.Lock
	redistest.Await(t, 30*time.Second, func() bool {
		var err error
		after, err = l.TryLock(t.Context(), "job")
		return err == nil
	}, "no lock after the failover")
	assert.Equal(t, "master", replica.Do("ROLE").([]any)[0])
	assert.Contains(t, remains(replica), "job")
	assert.Greater(t, after.Fence(), before.Fence())
	require.NoError(t, after.Unlock(t.Context()))
	requireNothingLeft(t, 10*time.Second, replica)
}

func TestRealCluster(t *testing.T) {
	masters := redistest.StartCluster(t, 3)
	newVoter := func(t *testing.T) *redis.ClusterClient {
		var addrs []string
		for _, m := range masters {
			addrs = append(addrs, m.Addr)
		}
		c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
		t.Cleanup(func() { assert.NoError(t, c.Close()) })
		return c
	}
	// The register has to be in the name's hash slot, which is that of the text between the
	// first { and the first } after it, if there's any, or else that of the whole name.
	names := []string{"job", "cron:daily", "{user:7}:cart", "cart:{user:7}", "a{b", "{", "{a}{b}", "{{a}}"}
	// No other key than the name itself can be in such a name's slot.
	odd := []string{"a}b", "}{", "{}a", "a{}", "a{}{b}"}

	lifeOf := func(t *testing.T, l *redlock.Locker, voter *redis.ClusterClient, name string) {
		lk, err := l.TryLock(t.Context(), name)
		require.NoError(t, err)
		redistest.Await(t, 5*time.Second, func() bool {
			return voter.Get(t.Context(), name).Val() == lk.Token()
		}, "the cluster didn't grant %q", name)
		require.NoError(t, lk.Extend(t.Context()))
		require.NoError(t, lk.Unlock(t.Context()))
		next := use(t, l, name)
		assert.Equal(t, lk.Fence() > 0, next.Fence() > lk.Fence())
		requireNothingLeft(t, 5*time.Second, masters...)
	}
	t.Run("alone", func(t *testing.T) {
		voter := newVoter(t)
		l := open(t, []redis.UniversalClient{voter}, redlock.WithNodeTimeout(patience))
		for _, name := range names {
			lifeOf(t, l, voter, name)
		}
	})
	t.Run("alone, plain", func(t *testing.T) {
		voter := newVoter(t)
		l := open(t, []redis.UniversalClient{voter}, redlock.WithNodeTimeout(patience), redlock.WithoutFencing())
		for _, name := range append(odd, names...) {
			lifeOf(t, l, voter, name)
		}
	})
	t.Run("alone, odd names", func(t *testing.T) {
		l := open(t, []redis.UniversalClient{newVoter(t)}, redlock.WithNodeTimeout(patience))
		for _, name := range odd {
			_, err := l.TryLock(t.Context(), name)
			require.ErrorIs(t, err, redlock.ErrInvalidName, name)
			assert.Contains(t, err.Error(), "choose another name", name)
		}
	})
	t.Run("beside two single nodes", func(t *testing.T) {
		voter := newVoter(t)
		singles := redistest.StartAll(t, 2)
		for _, s := range singles {
			s.Enrol() // the set has the cluster in it
		}
		clients := []redis.UniversalClient{voter, singles[0].Client(nil), singles[1].Client(nil)}
		l := open(t, clients, redlock.WithNodeTimeout(patience))
		for _, name := range names {
			lifeOf(t, l, voter, name)
		}
		singles[0].Kill() // the cluster's vote decides
		lifeOf(t, l, voter, "job")
		singles[0].Restart()
		singles[0].Enrol()
		requireNothingLeft(t, 10*time.Second, singles...)
	})
	t.Run("wrapped", func(t *testing.T) {
		voter := newVoter(t)
		embedding := struct{ *redis.ClusterClient }{voter}
		for _, opts := range [][]redlock.Option{nil, {redlock.WithoutFencing()}} {
			lifeOf(t, open(t, []redis.UniversalClient{embedding}, append(opts, redlock.WithNodeTimeout(patience))...), voter, "job")
		}
		_, err := redlock.New([]redis.UniversalClient{embedding}, redlock.RequireGuards())
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
		hiding := struct{ redis.UniversalClient }{voter}
		for _, opts := range [][]redlock.Option{nil, {redlock.WithoutGuards()}} {
			_, err = open(t, []redis.UniversalClient{hiding}, append(opts, redlock.WithNodeTimeout(patience))...).Lock(t.Context(), "job")
			require.ErrorIs(t, err, redlock.ErrUnfit)
			assert.ErrorContains(t, err, "if it's a redis.ClusterClient that is wrapped, give New that itself")
		}
	})
}

// A ring isn't a voter, also where it's embedded in something.
func TestRingIsRefused(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	t.Cleanup(func() { assert.NoError(t, ring.Close()) })
	for _, client := range []redis.UniversalClient{ring, struct{ *redis.Ring }{ring}} {
		_, err := redlock.New([]redis.UniversalClient{client})
		require.ErrorIs(t, err, redlock.ErrInvalidOption)
		assert.ErrorContains(t, err, "give each of its servers as a node of its own")
	}
}
