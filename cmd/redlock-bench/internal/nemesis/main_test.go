package nemesis

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a cluster with links from two clients.
type lab struct {
	*cluster.Cluster
	links *Links
}

func newLab(t *testing.T, config cluster.Config) *lab {
	t.Helper()
	if config.Backend == cluster.Redis {
		needRedis(t)
	}
	c, err := cluster.Start(testContext(t), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	links, err := Listen(c.Nodes(), 2, 1)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, links.Close()) })
	return &lab{c, links}
}

func (l *lab) world() World { return World{Cluster: l.Cluster, Links: l.links} }

// onBoth runs a test on either backend, with two nodes and two clients.
func onBoth(t *testing.T, test func(*testing.T, context.Context, *lab)) {
	for _, backend := range []cluster.Backend{cluster.Embedded, cluster.Redis} {
		t.Run(string(backend), func(t *testing.T) {
			test(t, testContext(t), newLab(t, cluster.Config{Backend: backend, Nodes: 2, Persistence: cluster.Always}))
		})
	}
}

// client is a plain go-redis client at one link, with one connection that is open already.
func (l *lab) client(t *testing.T, link *Link) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr:                     link.Addr(),
		Protocol:                 2,
		DisableIdentity:          true,
		ContextTimeoutEnabled:    true,
		MaxRetries:               -1,
		DialerRetries:            1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.Ping(testContext(t)).Err())
	return c
}

// needRedis skips a test that needs a real server, unless a missing one is to be a failure.
func needRedis(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("redis-server")
	if err == nil {
		return
	}
	require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_REDIS"), "redis-server is required but missing: %v", err)
	t.Skip("no redis-server on this machine")
}

// testContext bounds a whole test.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// impatient is a client's own time-out in these tests.
const impatient = 60 * time.Millisecond

// timesOut asserts that a request gets no answer within the client's patience.
func timesOut(t *testing.T, ctx context.Context, do func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, impatient)
	defer cancel()
	require.True(t, timedOut(do(ctx)))
}

// timedOut knows both forms in which go-redis says so.
func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func setter(c *redis.Client, key string) func(context.Context) error {
	return func(ctx context.Context) error { return c.Set(ctx, key, "1", time.Minute).Err() }
}

// eventually waits for a key to appear on the node itself.
func eventually(t *testing.T, ctx context.Context, n cluster.Node, key string) {
	t.Helper()
	require.Eventually(t, func() bool { return has(t, ctx, n, key) }, 5*time.Second, time.Millisecond, "%s never appears", key)
}

func has(t *testing.T, ctx context.Context, n cluster.Node, key string) bool {
	t.Helper()
	_, found, err := n.Value(ctx, key)
	require.NoError(t, err)
	return found
}
