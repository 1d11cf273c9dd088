// Package redistest starts real redis-server processes for tests: single ones, with TLS, under
// a Sentinel, and as a cluster. All of them end with the test.
//
// Where there is no redis-server, a test that needs one is skipped, unless the environment says
// REDLOCK_REQUIRE_REDIS=1: then it fails, so that CI can't lose these tests silently.
package redistest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// startTime bounds how long a server takes to start, on a machine that is busy with other tests.
const startTime = 20 * time.Second

// Require skips the test without a redis-server, or fails it where one is required. It
// returns the program's path.
func Require(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	if os.Getenv("REDLOCK_REQUIRE_REDIS") == "1" {
		tb.Fatal("no redis-server in PATH, and REDLOCK_REQUIRE_REDIS=1 requires one: apt-get install redis-server")
	}
	tb.Skip("no redis-server in PATH: apt-get install redis-server")
	return ""
}

// Server is a redis-server with an address and a directory of its own. Restarted, it's another
// process at the same address.
type Server struct {
	*Process
	Addr string

	args  []string
	sign  string // what it prints when it has started
	print *output
	tls   *tls.Config
}

// Start starts a server without persistence, with more arguments if given, and waits until it
// takes connections.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return start(tb, serverSign, func(port string) []string {
		return append(serverArgs(tb, "--port", port), args...)
	})
}

// serverSign is what a server prints when it takes connections.
const serverSign = "Ready to accept connections"

func serverArgs(tb testing.TB, more ...string) []string {
	return append([]string{
		"--bind", "127.0.0.1", "--dir", tb.TempDir(), "--save", "", "--appendonly", "no",
		"--repl-diskless-sync-delay", "0",
	}, more...)
}

// start starts a redis-server on a free port. The port is free when it's chosen, but not
// necessarily when the server binds it, so that it takes another where that fails.
func start(tb testing.TB, sign string, args func(port string) []string) *Server {
	tb.Helper()
	return startAt(tb, freePort, sign, args)
}

func startAt(tb testing.TB, choose func(testing.TB) string, sign string, args func(port string) []string) *Server {
	tb.Helper()
	var s *Server
	for range 5 {
		port := choose(tb)
		s = &Server{Addr: net.JoinHostPort("127.0.0.1", port), args: args(port), sign: sign}
		if s.launch(tb) {
			// Here and not in launch: lockers are closed before their servers are killed, also
			// before those that were restarted.
			tb.Cleanup(func() { s.Kill() })
			return s
		}
	}
	require.FailNow(tb, "redis-server didn't start", s.print)
	return nil
}

// StartAll starts n servers.
func StartAll(tb testing.TB, n int, args ...string) []*Server {
	tb.Helper()
	all := make([]*Server, n)
	for i := range all {
		all[i] = Start(tb, args...)
	}
	return all
}

func freePort(tb testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer func() { require.NoError(tb, l.Close()) }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(tb, err)
	return port
}

// launch reports whether the process has started. What it prints is the sign, and not an answer
// on its port: that may come from another program, and needs a password with some servers.
func (s *Server) launch(tb testing.TB) bool {
	tb.Helper()
	s.print = new(output)
	cmd := exec.Command(Require(tb), s.args...)
	cmd.Stdout, cmd.Stderr = s.print, s.print
	s.Process = Launch(tb, cmd)
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		select {
		case <-s.Exited():
			return false
		case <-time.After(5 * time.Millisecond):
			if strings.Contains(s.print.String(), s.sign) {
				return true
			}
		}
	}
	s.Kill()
	return false
}

// Restart starts the server again, and kills it first if it still runs. It has the same address
// and the same directory, and has forgotten everything unless its arguments say otherwise.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	// While nobody listens there, a client's attempt to connect may be given this very port as
	// its own, and meet itself. That passes.
	for deadline := time.Now().Add(startTime); !s.launch(s.tb); {
		require.True(s.tb, time.Now().Before(deadline), "redis-server didn't start again: %v", s.print)
	}
}

// Client returns a client with the given options, or the defaults of go-redis. The address and
// what TLS needs are filled in. The client is closed when the test ends.
func (s *Server) Client(o *redis.Options) *redis.Client {
	if o == nil {
		o = &redis.Options{}
	}
	c := s.client(o)
	s.tb.Cleanup(func() { _ = c.Close() }) // fails where the test has closed it already
	return c
}

func (s *Server) client(o *redis.Options) *redis.Client {
	o.Addr, o.TLSConfig = s.Addr, s.tls
	return redis.NewClient(o)
}

// Do runs a command as the default user and returns the reply, nil where that's a null.
func (s *Server) Do(args ...any) any {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := s.client(&redis.Options{})
	defer func() { require.NoError(s.tb, c.Close()) }()
	reply, err := c.Do(ctx, args...).Result()
	if !errors.Is(err, redis.Nil) {
		require.NoError(s.tb, err, "%v", args)
	}
	return reply
}

// URL returns the redis:// or rediss:// URL of the server.
func (s *Server) URL() string {
	if s.tls != nil {
		return "rediss://" + s.Addr
	}
	return "redis://" + s.Addr
}
