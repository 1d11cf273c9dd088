package fencetest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Binary returns the path of a server's program, looked for in PATH and by the glob patterns
// given. Without it the test is skipped, or fails if the environment variable requireEnv is
// "1", as in CI: a run that has tested nothing must not look green there.
func Binary(t *testing.T, requireEnv, name string, patterns ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range patterns {
		if paths, err := filepath.Glob(pattern); err == nil && len(paths) > 0 {
			return paths[len(paths)-1]
		}
	}
	if os.Getenv(requireEnv) == "1" {
		t.Fatalf("no %s on this machine, and %s=1 requires it", name, requireEnv)
	}
	t.Skipf("no %s on this machine; install it to run this test", name)
	return ""
}

// Start starts a server, ends it with the test, and waits until ready returns nil. What the
// server printed is shown if it never does. On Linux the server doesn't outlive the test
// binary either.
func Start(t *testing.T, cmd *exec.Cmd, ready func() error) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	dieWithParent(cmd)
	require.NoError(t, cmd.Start())

	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // killed: its status says nothing
	}()
	stop := func() {
		// A request first: PostgreSQL when killed leaves shared memory behind. Both calls fail
		// only if the server has ended already.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
		}
	}
	t.Cleanup(stop)

	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if err = ready(); err == nil {
			return
		}
		select {
		case <-exited:
			t.Fatalf("%s ended at once:\n%s", cmd.Path, &output)
		case <-time.After(20 * time.Millisecond):
		}
	}
	stop() // nobody may write to output while it's read
	t.Fatalf("%s isn't ready: %v\n%s", cmd.Path, err, &output)
}

// TempDir returns a new directory with a path short enough for a Unix socket in it, which
// t.TempDir's isn't always, and removes it with the test.
func TempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fence")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// Eventually waits until something has happened, for 10 s at most.
func Eventually(t *testing.T, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it didn't happen within 10 s")
		}
	}
}
