package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNodesAreIndependent(t *testing.T) {
	onBoth(t, Config{Nodes: 3}, func(t *testing.T, ctx context.Context, c *Cluster) {
		require.Equal(t, 3, c.Len())
		seen := map[string]bool{}
		for i, n := range c.Nodes() {
			assert.Equal(t, i, n.Index())
			assert.True(t, n.Running())
			id, err := n.RunID(ctx)
			require.NoError(t, err)
			assert.Len(t, id, 40)
			seen[id], seen[n.Addr()], seen[n.Name()] = true, true, true
		}
		assert.Len(t, seen, 9, "run ids, addresses and names all differ")
		set(t, ctx, c.Node(0), "only", "here", time.Minute)
		assertValue(t, ctx, c.Node(0), "only", "here")
		assertGone(t, ctx, c.Node(1), "only")
	})
}

func TestStartRefusesBadConfigurations(t *testing.T) {
	for name, config := range map[string]Config{
		"no nodes":         {},
		"negative nodes":   {Nodes: -1},
		"too many nodes":   {Nodes: maxNodes + 1},
		"unknown backend":  {Nodes: 1, Backend: "memcached"},
		"unknown log":      {Nodes: 1, Persistence: "sometimes"},
		"negative timeout": {Nodes: 1, StartTimeout: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), config)
			require.ErrorContains(t, err, "cluster: ")
			require.ErrorContains(t, err, ": give ")
		})
	}
}

func TestStartWithoutRedisServerSaysSo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), Config{Backend: Redis, Nodes: 1})
	require.ErrorIs(t, err, ErrNoRedisServer)
	require.ErrorContains(t, err, "apt-get install redis-server")
}

func TestStartShowsTheLogOfAServerThatDies(t *testing.T) {
	needRedis(t)
	isolateTemp(t)
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "redis-server"),
		[]byte("#!/bin/sh\necho the disk is on fire\nexit 7\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	_, err := Start(testContext(t), Config{Backend: Redis, Nodes: 1})
	require.ErrorContains(t, err, "exit status 7")
	require.ErrorContains(t, err, "the disk is on fire")
	assertTempEmpty(t)
}

func TestStartGivesUpOnAServerThatNeverAnswers(t *testing.T) {
	needRedis(t)
	isolateTemp(t)
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "redis-server"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	_, err := Start(testContext(t), Config{Backend: Redis, Nodes: 2, StartTimeout: 200 * time.Millisecond})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assertTempEmpty(t)
}

func TestCloseLeavesNothing(t *testing.T) {
	needRedis(t)
	isolateTemp(t)
	c, err := Start(testContext(t), Config{Backend: Redis, Nodes: 3, Persistence: Always})
	require.NoError(t, err)
	pids := pidsOf(c)
	_, err = c.Node(1).Pause(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close(), "closing twice is fine")
	for _, pid := range pids {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d", pid)
	}
	assertTempEmpty(t)
	_, err = c.Node(0).Restart(t.Context(), Lose)
	require.ErrorIs(t, err, ErrNotRunning, "a closed cluster stays closed")
}

func TestStartCancelledHalfwayLeavesNothing(t *testing.T) {
	needRedis(t)
	isolateTemp(t)
	// A start takes some 20 to 100 ms, so these fall before, into and towards the end of it.
	for _, after := range []time.Duration{0, 2, 5, 10, 15, 20, 30} {
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		c, err := Start(ctx, Config{Backend: Redis, Nodes: 5})
		cancel()
		if err == nil {
			require.NoError(t, c.Close())
		} else {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assertTempEmpty(t)
	}
}

func TestServersDieWithAKilledHarness(t *testing.T) {
	needRedis(t)
	if _, err := os.Stat("/proc/self/stat"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("only Linux ends children with their parent")
	}
	isolateTemp(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimVariable+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var report victimReport
	require.NoError(t, json.Unmarshal(line, &report))
	require.Len(t, report.PIDs, 2)
	require.DirExists(t, report.Dir)

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	for _, pid := range report.PIDs {
		assert.Eventually(t, func() bool { return isDead(pid) }, 5*time.Second, 5*time.Millisecond, "process %d", pid)
	}
	assert.Eventually(t, func() bool { return noEntries(os.TempDir()) }, 5*time.Second, 10*time.Millisecond, "directory")
}

func TestATakenPortIsReplaced(t *testing.T) {
	c := start(t, Config{Backend: Redis, Nodes: 1})
	n, before := c.Node(0), c.Node(0).Addr()
	_, err := n.Kill(testContext(t))
	require.NoError(t, err)
	thief, err := net.Listen("tcp", before)
	require.NoError(t, err)
	defer thief.Close()
	_, err = n.Restart(testContext(t), Lose)
	require.NoError(t, err)
	assert.NotEqual(t, before, n.Addr())
}

// isolateTemp gives the test a temporary directory of its own, short enough for any use.
func isolateTemp(t *testing.T) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
}

func assertTempEmpty(t *testing.T) {
	t.Helper()
	assert.True(t, noEntries(os.TempDir()), "something is left in %s", os.TempDir())
}

func noEntries(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

func pidsOf(c *Cluster) []int {
	var pids []int
	for _, n := range c.nodes {
		pids = append(pids, n.(*serverNode).process.pid())
	}
	return pids
}

// isDead takes a zombie for dead: whoever inherited it may not reap.
func isDead(pid int) bool {
	state, err := processState(pid)
	return err != nil || state == "Z"
}

func set(t *testing.T, ctx context.Context, n Node, key, value string, ttl time.Duration) {
	t.Helper()
	_, err := n.Command(ctx, "SET", key, value, "PX", ttl.Milliseconds())
	require.NoError(t, err)
}

func assertValue(t *testing.T, ctx context.Context, n Node, key, want string) {
	t.Helper()
	value, found, err := n.Value(ctx, key)
	require.NoError(t, err)
	assert.True(t, found, "%s isn't there", key)
	assert.Equal(t, want, value)
}

func assertGone(t *testing.T, ctx context.Context, n Node, key string) {
	t.Helper()
	value, found, err := n.Value(ctx, key)
	require.NoError(t, err)
	assert.False(t, found, "%s is still %q", key, value)
}
