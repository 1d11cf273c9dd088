//go:build linux

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestInterruptedLoad ends a load in its second round: what it has is printed, and nothing is left behind.
func TestInterruptedLoad(t *testing.T) {
	requireRedis(t, "redis")
	temp := t.TempDir()
	cmd := exec.Command(os.Args[0], "load", "--subject", "plain", "--nodes", "3", "--processes", "2", "--duration", "500ms")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	var out strings.Builder
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }() // for a test that failed

	lines := bufio.NewReader(stderr)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	var children []int
	for _, p := range processes(t) {
		if p.parent == cmd.Process.Pid {
			children = append(children, p.pid)
		}
	}
	assert.GreaterOrEqual(t, len(children), 3+2, "servers and clients")
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	_ = cmd.Wait() // the status is looked at below

	assert.Equal(t, statusInterrupted, cmd.ProcessState.ExitCode())
	assert.Contains(t, string(rest), "interrupted in run 1 of 1, after ")
	assert.Contains(t, out.String(), " locks/s ", "what was measured so far")
	assert.Eventually(t, func() bool { return !slices.ContainsFunc(children, alive) }, interruptTimeout, 10*time.Millisecond, "children %v", children)
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	require.NoError(t, err)
	assert.Empty(t, left, "directories")
}
