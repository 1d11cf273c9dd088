//go:build linux

package main

import (
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

// TestInterruptedChaosSaysWhatItFound ends it while a client is stopped and nodes are cut off.
func TestInterruptedChaosSaysWhatItFound(t *testing.T) {
	for _, backend := range []string{"embedded", "redis"} {
		t.Run(backend, func(t *testing.T) {
			requireRedis(t, backend)
			temp := t.TempDir()
			cmd := exec.Command(os.Args[0], "chaos", "--backend", backend, "--faults", "pause-client=2,partition=1,crash-keep=1", "--subject", "guarded,classic")
			cmd.Env = append(os.Environ(), "TMPDIR="+temp)
			var out, errOut strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &errOut
			require.NoError(t, cmd.Start())
			defer func() { _ = cmd.Process.Kill() }() // for a test that failed
			children := awaitStopped(t, cmd.Process.Pid)
			require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
			_ = cmd.Wait() // the status is looked at below

			assert.Equal(t, statusInterrupted, cmd.ProcessState.ExitCode(), errOut.String())
			assert.Regexp(t, `(?m)^guarded \(1 of 2\): \d+ faults in 1m0s, on 5 `+backend+` nodes, under 4 clients; starting$`, errOut.String())
			assert.Regexp(t, `interrupted in the run of guarded, after \d+ of \d+ faults, [0-9.]+s of 1m0s: `, errOut.String())
			assert.Regexp(t, `Not all of it was done: guarded had \d+ of \d+ faults, [0-9.]+s of 1m0s; classic wasn't begun\.`, strings.Join(strings.Fields(out.String()), " "))
			assert.NotContains(t, out.String(), "NEVER", "what wasn't reached wasn't tried in vain")
			assert.Regexp(t, `(?m)^exclusion +(no violation found|unknown)$`, out.String(), "what was found so far, which may be too little")
			assert.Eventually(t, func() bool { return !slices.ContainsFunc(children, alive) }, interruptTimeout, 10*time.Millisecond, "children %v", children)
			left, err := filepath.Glob(filepath.Join(temp, "*"))
			require.NoError(t, err)
			assert.Empty(t, left, "directories")
		})
	}
}

// TestChaosLeavesNoClocks ends runs whose clients have clocks in files: at a closed terminal, and with no chance to clean up.
func TestChaosLeavesNoClocks(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			temp := t.TempDir()
			cmd := exec.Command(os.Args[0], "chaos", "--faults", "client-drift=1", "--subject", "guarded")
			cmd.Env = append(os.Environ(), "TMPDIR="+temp)
			require.NoError(t, cmd.Start())
			defer func() { _ = cmd.Process.Kill() }() // for a test that failed
			left := func(pattern string) []string {
				found, err := filepath.Glob(filepath.Join(temp, pattern))
				require.NoError(t, err)
				return found
			}
			require.Eventually(t, func() bool { return len(left("*clocks*/4")) == 1 }, interruptTimeout, time.Millisecond, "the fourth client's clock")
			require.NoError(t, cmd.Process.Signal(sig))
			_ = cmd.Wait() // the status is looked at below
			if sig == syscall.SIGHUP {
				assert.Equal(t, statusInterrupted, cmd.ProcessState.ExitCode())
			}
			assert.Eventually(t, func() bool { return len(left("*")) == 0 }, interruptTimeout, 10*time.Millisecond, "directories")
		})
	}
}

// TestNohup has a terminal closed that the run doesn't depend on.
func TestNohup(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" run control --subject guarded`, os.Args[0])
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }() // for a test that failed
	hup := time.NewTicker(5 * time.Millisecond)
	defer hup.Stop()
	ended := make(chan struct{})
	defer func() { <-ended }()
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(ended)
		for {
			select {
			case <-hup.C:
				_ = cmd.Process.Signal(syscall.SIGHUP)
			case <-done:
				return
			}
		}
	}()
	said, err := io.ReadAll(stderr)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "%s", said)
}
