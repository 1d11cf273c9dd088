//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// interruptTimeout bounds what should take well under a second.
const interruptTimeout = 20 * time.Second

// TestInterruptLeavesNothingBehind ends a run in the middle and looks for what it started.
func TestInterruptLeavesNothingBehind(t *testing.T) {
	for _, backend := range []string{"embedded", "redis"} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
			t.Run(fmt.Sprintf("%s/%v", backend, sig), func(t *testing.T) {
				requireRedis(t, backend)
				testInterrupt(t, backend, sig)
			})
		}
	}
}

func testInterrupt(t *testing.T, backend string, sig syscall.Signal) {
	temp := t.TempDir()
	// The pause scenarios have clients that are stopped, which are the hardest to end.
	cmd := exec.Command(os.Args[0], "run", "control", "pause-after-check", "pause-in-flight", "--backend", backend)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	var out strings.Builder
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }() // for a test that failed

	lines := bufio.NewReader(stderr)
	for range 6 {
		_, err := lines.ReadString('\n')
		require.NoError(t, err)
	}
	children := awaitStopped(t, cmd.Process.Pid)
	require.NoError(t, cmd.Process.Signal(sig))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	_ = cmd.Wait() // the status is looked at below

	if sig != syscall.SIGKILL {
		assert.Equal(t, statusInterrupted, cmd.ProcessState.ExitCode())
		assert.Contains(t, string(rest), "interrupted after")
		assert.Contains(t, out.String(), "\ncontrol ", "what was done so far")
	}
	assert.Eventually(t, func() bool { return !slices.ContainsFunc(children, alive) }, interruptTimeout, 10*time.Millisecond, "children %v", children)
	assert.Eventually(t, func() bool {
		left, err := filepath.Glob(filepath.Join(temp, "*"))
		return err == nil && len(left) == 0
	}, interruptTimeout, 10*time.Millisecond, "directories")
}

// awaitStopped waits until the process has a child that is stopped, and returns all of its children.
func awaitStopped(t *testing.T, pid int) []int {
	for deadline := time.Now().Add(interruptTimeout); ; time.Sleep(time.Millisecond) {
		var children []int
		stopped := false
		for _, p := range processes(t) {
			if p.parent == pid {
				children = append(children, p.pid)
				stopped = stopped || p.state == "T"
			}
		}
		if stopped {
			return children
		}
		require.True(t, time.Now().Before(deadline), "no client was stopped")
	}
}

type processInfo struct {
	pid, parent int
	state       string
}

// processes lists all processes, from /proc/PID/stat.
func processes(t *testing.T) []processInfo {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	var all []processInfo
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		// The name, in parentheses, may contain anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		parent, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		all = append(all, processInfo{pid, parent, fields[0]})
	}
	return all
}

// alive tells whether a process exists that isn't merely waiting to be reaped.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
