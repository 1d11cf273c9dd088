package doctor

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis would print each refused connection
	goleak.VerifyTestMain(m)
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

// startServers starts real servers that end with the test.
func startServers(t *testing.T, config cluster.Config) *cluster.Cluster {
	t.Helper()
	needRedis(t)
	config.Backend = cluster.Redis
	c, err := cluster.Start(bounded(t), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// bounded is the context of a whole test.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// command runs a command on a node.
func command(t *testing.T, n cluster.Node, args ...any) any {
	t.Helper()
	reply, err := n.Command(t.Context(), args...)
	require.NoError(t, err)
	return reply
}

// urls returns the URLs of all nodes, with the user and password if given as "user:password".
func urls(c *cluster.Cluster, who string) []string {
	if who != "" {
		who += "@"
	}
	var all []string
	for _, n := range c.Nodes() {
		all = append(all, "redis://"+who+n.Addr())
	}
	return all
}

// quick is an examination that takes a third of a second.
func quick(urls ...string) Config {
	return Config{URLs: urls, TTL: 10 * time.Second, Duration: 300 * time.Millisecond, Timeout: 10 * time.Second}
}

func diagnose(t *testing.T, config Config) *Report {
	t.Helper()
	d, err := New(config)
	require.NoError(t, err)
	r, err := d.Examine(bounded(t))
	require.NoError(t, err)
	return r
}

// of returns the findings of one check.
func of(r *Report, check string) []Finding {
	var some []Finding
	for _, f := range r.Findings {
		if f.Check == check {
			some = append(some, f)
		}
	}
	return some
}

// assertFinding looks for a finding that says the words, and returns it.
func assertFinding(t *testing.T, r *Report, check string, level Level, nodes []int, words string) Finding {
	t.Helper()
	for _, f := range of(r, check) {
		if strings.Contains(f.Found, words) {
			assert.Equal(t, level, f.Level, f.Found)
			assert.Equal(t, nodes, f.Nodes, f.Found)
			return f
		}
	}
	assert.Failf(t, "no such finding", "%s %q among %+v", check, words, of(r, check))
	return Finding{}
}
