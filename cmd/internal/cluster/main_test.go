package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// victimVariable makes this test binary a harness that others kill, see victim.
const victimVariable = "REDLOCK_CLUSTER_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		victim()
		return
	}
	goleak.VerifyTestMain(m)
}

// victimReport is what a victim says about itself on one line of JSON.
type victimReport struct {
	PIDs []int
	Dir  string
}

// victim starts real servers, reports them and waits to be killed.
func victim() {
	c, err := Start(context.Background(), Config{Backend: Redis, Nodes: 2, Persistence: Always})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var report victimReport
	for _, n := range c.nodes {
		report.PIDs = append(report.PIDs, n.(*serverNode).process.pid())
		report.Dir = n.(*serverNode).host.workspace.Dir()
	}
	_ = json.NewEncoder(os.Stdout).Encode(report)
	time.Sleep(time.Minute)
}

// needRedis skips a test that needs a real server, unless a missing one is to be a failure.
func needRedis(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("redis-server")
	need(t, err)
}

// need skips a test for want of what the error names, unless that's required.
func need(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_REDIS"), "required but missing: %v", err)
	t.Skip(err)
}

// start starts a cluster that ends with the test.
func start(t *testing.T, config Config) *Cluster {
	t.Helper()
	if config.Backend == Redis {
		needRedis(t)
	}
	c, err := Start(testContext(t), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// testContext bounds a whole test.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// onBoth runs a test on either backend.
func onBoth(t *testing.T, config Config, test func(*testing.T, context.Context, *Cluster)) {
	for _, backend := range []Backend{Embedded, Redis} {
		t.Run(string(backend), func(t *testing.T) {
			config.Backend = backend
			test(t, testContext(t), start(t, config))
		})
	}
}
