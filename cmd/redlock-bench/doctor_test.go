package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/doctor"
)

// patients starts real servers that end with the test, and returns their URLs as one flag.
func patients(t *testing.T, n int) (*cluster.Cluster, string) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_REDIS"), err)
		t.Skip(err)
	}
	c, err := cluster.Start(t.Context(), cluster.Config{Backend: cluster.Redis, Nodes: n})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	var urls []string
	for _, node := range c.Nodes() {
		urls = append(urls, "redis://"+node.Addr())
	}
	return c, strings.Join(urls, ",")
}

func TestDoctorBadCommandLines(t *testing.T) {
	for line, want := range map[string]string{
		"doctor":                      "--nodes: give the URL of each server",
		"doctor redis://:secret@host": "doctor takes no arguments, but got 1",
		"doctor --nodes redis://a, redis://:secret@b":   "without spaces",
		"doctor --nodes redis://a,":                     "URL 2 can't be read",
		"doctor --nodes redis://a,redis://:se/cret@b:1": "URL 2 can't be read",
		`doctor --nodes redis://a,"redis://:secret@b`:   "URL 2 can't be read",
		"doctor --nodes redis://a --ttl 1ms":            "TTL 1ms; give from",
		"doctor --nodes redis://a --duration 0s":        "duration 0s; give from",
		"doctor --nodes redis://a --timeout 0s":         "time-out 0s; give from",
		"doctor --nodes redis://a --timeout 5":          `invalid argument "5"`,
		"doctor --nodes redis://a --json /no/such/file": "--json: open /no/such/file",
		"doctor --node redis://a":                       "unknown flag: --node",
	} {
		t.Run(line, func(t *testing.T) {
			got := bench(t.Context(), strings.Fields(line)...)
			assert.Equal(t, statusUsage, got.status)
			assert.Contains(t, got.errOut, want)
			assert.NotContains(t, got.errOut, "cret")
			assert.Empty(t, got.out)
		})
	}
}

func TestDoctorOnGoodNodes(t *testing.T) {
	_, urls := patients(t, 3)
	file := filepath.Join(t.TempDir(), "report.json")
	got := bench(t.Context(), "doctor", "--nodes", urls, "--duration", "300ms", "--timeout", "10s", "--json", file)
	assert.Zero(t, got.status, got.out+got.errOut)
	assert.Contains(t, got.out, "no reason found why locks on these nodes wouldn't be safe")
	assert.Contains(t, got.out, "redlock.WithTTL(10 * time.Second)")
	assert.Equal(t, "watching clocks and answer times for 300ms\n", got.errOut)
	assert.NotContains(t, got.out, "\x1b", "nobody looks")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var r doctor.Report
	require.NoError(t, json.Unmarshal(data, &r))
	assert.True(t, r.Fit)
	assert.Len(t, r.Nodes, 3)
}

// Two nodes are a warning: they survive nothing.
func TestDoctorStrict(t *testing.T) {
	_, urls := patients(t, 2)
	file := filepath.Join(t.TempDir(), "nodes")
	require.NoError(t, os.WriteFile(file, []byte("# both\n"+strings.ReplaceAll(urls, ",", "\n\n")+"\n"), 0o600))
	line := []string{"doctor", "--nodes-file", file, "--duration", "300ms", "--timeout", "10s"}
	got := bench(t.Context(), line...)
	assert.Zero(t, got.status, got.out+got.errOut)
	got = bench(t.Context(), append(line, "--strict")...)
	assert.Equal(t, statusUnexpected, got.status, got.out)
	assert.Contains(t, got.errOut, "and --strict lets none pass")
}

func TestDoctorOnBadNodes(t *testing.T) {
	c, urls := patients(t, 3)
	_, err := c.Node(1).Command(t.Context(), "CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru")
	require.NoError(t, err)
	got := bench(t.Context(), "doctor", "--nodes", urls, "--duration", "300ms", "--timeout", "10s", "--json", "-")
	assert.Equal(t, statusUnexpected, got.status)
	assert.Contains(t, got.errOut, "errors among the findings: 1")
	assert.Contains(t, got.errOut, "-> CONFIG SET maxmemory-policy noeviction", "the text is elsewhere")
	var r doctor.Report
	require.NoError(t, json.Unmarshal([]byte(got.out), &r), "nothing but JSON")
	assert.False(t, r.Fit)
}

func TestDoctorReachesNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	got := bench(t.Context(), "doctor", "--nodes", "redis://locker:secret@"+addr)
	assert.Equal(t, statusEnvironment, got.status)
	assert.Contains(t, got.errOut, "none of 1 nodes answers")
	assert.Contains(t, got.out, "connection refused")
	assert.NotContains(t, got.out+got.errOut, "secret")
}

// TestDoctorInterrupted sends the signal that Ctrl-C does, to a real process.
func TestDoctorInterrupted(t *testing.T) {
	c, urls := patients(t, 3)
	for _, moment := range []string{"while watching", "before"} {
		t.Run(moment, func(t *testing.T) {
			if moment == "before" {
				_, err := c.Node(1).Pause(t.Context())
				require.NoError(t, err)
			}
			cmd := exec.Command(os.Args[0], "doctor", "--nodes", urls, "--duration", "1h", "--timeout", "1m")
			var out strings.Builder
			cmd.Stdout = &out
			stderr, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			defer func() { _ = cmd.Process.Kill() }() // for a test that failed
			lines := bufio.NewReader(stderr)
			if moment == "before" {
				time.Sleep(2 * time.Second) // long enough to start, on a busy machine too; the node hangs for good
			} else {
				line, err := lines.ReadString('\n')
				require.NoError(t, err)
				require.Contains(t, line, "watching")
			}
			require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
			sent := time.Now()
			rest, err := io.ReadAll(lines)
			require.NoError(t, err)
			_ = cmd.Wait() // the status is looked at below
			assert.Less(t, time.Since(sent), 20*time.Second)
			assert.Equal(t, statusInterrupted, cmd.ProcessState.ExitCode())
			assert.Contains(t, string(rest), "redlock-bench: interrupted")
			if moment == "before" {
				assert.Empty(t, out.String())
			} else {
				assert.Contains(t, out.String(), "interrupted: watched for less than asked")
			}
		})
	}
}

func TestDoctorHelp(t *testing.T) {
	got := bench(t.Context(), "doctor", "--help")
	require.Zero(t, got.status)
	golden(t, "testdata/help-doctor.txt", got.out)
}
