package redlocktest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// realRedis is a redis-server process of the test's own.
type realRedis struct {
	t    *testing.T
	path string
	addr string
	cmd  *exec.Cmd
}

// startRedis starts a redis-server that ends with the test. On a machine that has none the
// test is skipped, unless REDLOCK_REQUIRE_REDIS=1 makes that a failure.
func startRedis(t *testing.T) *realRedis {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("REDLOCK_REQUIRE_REDIS") == "1" {
			t.Fatal("REDLOCK_REQUIRE_REDIS=1, but there is no redis-server in the PATH")
		}
		t.Skip("no redis-server in the PATH")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &realRedis{t: t, path: path, addr: l.Addr().String()}
	require.NoError(t, l.Close())
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *realRedis) start() {
	_, port, err := net.SplitHostPort(s.addr)
	require.NoError(s.t, err)
	s.cmd = exec.Command(s.path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", s.t.TempDir())
	s.cmd.SysProcAttr = endsWithParent()
	require.NoError(s.t, s.cmd.Start())
	c := redis.NewClient(&redis.Options{Addr: s.addr})
	defer c.Close()
	require.Eventually(s.t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return c.Do(ctx, "INFO", "server").Err() == nil && s.mine(ctx, c)
	}, 10*time.Second, 10*time.Millisecond, "redis-server doesn't answer on %s", s.addr)
}

// mine guards against the port having been taken by somebody else in between.
func (s *realRedis) mine(ctx context.Context, c *redis.Client) bool {
	return c.InfoMap(ctx, "server").Item("Server", "process_id") == strconv.Itoa(s.cmd.Process.Pid)
}

func (s *realRedis) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *realRedis) restart() { s.kill(); s.start() }
