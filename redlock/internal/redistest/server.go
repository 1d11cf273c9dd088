// Package redistest starts real redis-server processes for tests.
//
// Where there is no redis-server, a test that needs one is skipped, unless the environment says
// REDLOCK_REQUIRE_REDIS=1: then it fails, so that CI can't lose these tests silently.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// Require skips the test without a redis-server, or fails it where one is required.
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

// Server is one redis-server process with a directory of its own.
type Server struct {
	Addr string

	tb   testing.TB
	path string
	args []string
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

// Start starts a server without persistence, with more arguments if given, and waits until it
// answers. It ends with the test.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{tb: tb, path: Require(tb), args: args}
	dir := tb.TempDir()
	tb.Cleanup(s.Kill)
	// The port is free when it's chosen, but not necessarily when the server binds it.
	for range 5 {
		s.Addr = freeAddr(tb)
		_, port, err := net.SplitHostPort(s.Addr)
		require.NoError(tb, err)
		s.args = append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"}, args...)
		s.launch()
		if s.ready() {
			return s
		}
		s.Kill()
	}
	tb.Fatalf("redis-server didn't start: %s", s.log)
	return nil
}

// StartAll starts n servers.
func StartAll(tb testing.TB, n int) []*Server {
	tb.Helper()
	all := make([]*Server, n)
	for i := range all {
		all[i] = Start(tb)
	}
	return all
}

func freeAddr(tb testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer func() { require.NoError(tb, l.Close()) }()
	return l.Addr().String()
}

func (s *Server) launch() {
	s.tb.Helper()
	s.log = new(bytes.Buffer)
	s.cmd = exec.Command(s.path, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	require.NoError(s.tb, s.cmd.Start())
}

func (s *Server) ready() bool {
	c := s.Client(nil)
	defer func() { _ = c.Close() }()
	for range 250 {
		if c.Ping(context.Background()).Err() == nil {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// Client returns a client with the given options, or the defaults of go-redis; the caller
// closes it. The address is filled in.
func (s *Server) Client(o *redis.Options) *redis.Client {
	if o == nil {
		o = &redis.Options{}
	}
	o.Addr = s.Addr
	return redis.NewClient(o)
}

// Pause stops the process with SIGSTOP and returns when it has stopped.
func (s *Server) Pause() {
	s.tb.Helper()
	s.signal(syscall.SIGSTOP)
	require.Eventually(s.tb, func() bool { return s.state() == 'T' }, 5*time.Second, time.Millisecond)
}

// Resume lets a paused process go on.
func (s *Server) Resume() {
	s.tb.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	require.NoError(s.tb, s.cmd.Process.Signal(sig))
}

// state returns the process's state as /proc has it, such as T for stopped.
func (s *Server) state() byte {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/stat")
	if i := bytes.LastIndexByte(stat, ')'); err == nil && i+2 < len(stat) {
		return stat[i+2]
	}
	return 0
}

// Kill ends the process with SIGKILL and waits for its end. A server that has ended stays ended.
func (s *Server) Kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.tb.Errorf("killing redis-server: %v", err)
	}
	_ = s.cmd.Wait() // its exit status is that of the signal
	s.cmd.Process = nil
}

// Restart starts the server again after Kill, at the same address and directory.
func (s *Server) Restart() {
	s.tb.Helper()
	s.launch()
	require.True(s.tb, s.ready(), "redis-server didn't start again: %s", s.log)
}

// URL returns the redis:// URL of the server.
func (s *Server) URL() string { return fmt.Sprintf("redis://%s", s.Addr) }
