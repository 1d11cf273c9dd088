package main_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	goredis9 "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startServers starts redis-server processes that end with the test, and returns their
// addresses. Without a redis-server the test is skipped, unless REDLOCK_REQUIRE_REDIS=1 makes
// that a failure.
func startServers(t *testing.T, n int) []string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("REDLOCK_REQUIRE_REDIS") == "1" {
			t.Fatal("no redis-server in PATH, and REDLOCK_REQUIRE_REDIS=1 requires one: apt-get install redis-server")
		}
		t.Skip("no redis-server in PATH: apt-get install redis-server")
	}
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = startServer(t, path)
	}
	return addrs
}

// startServer tries several ports: one that's free when it's chosen may be taken a moment later.
func startServer(t *testing.T, path string) string {
	t.Helper()
	var output bytes.Buffer
	for range 5 {
		addr := freeAddr(t)
		_, port, err := net.SplitHostPort(addr)
		require.NoError(t, err)
		cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no")
		cmd.Stdout = &output
		cmd.SysProcAttr = endsWithParent()
		require.NoError(t, cmd.Start())
		stop := func() {
			_ = cmd.Process.Kill() // fails where it has ended by itself
			_ = cmd.Wait()         // its status is that of the signal
		}
		if answers(addr, cmd.Process.Pid) {
			t.Cleanup(stop)
			return addr
		}
		stop()
	}
	require.FailNow(t, "redis-server doesn't start", "%s", &output)
	return ""
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// answers waits until the process, and no other, answers at the address.
func answers(addr string, pid int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := goredis9.NewClient(&goredis9.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer func() { _ = c.Close() }()
	for ctx.Err() == nil {
		if info, err := c.InfoMap(ctx, "server").Result(); err == nil {
			return info["Server"]["process_id"] == strconv.Itoa(pid)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}
