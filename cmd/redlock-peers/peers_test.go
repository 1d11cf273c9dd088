package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// build makes the program of a module directory and returns its file.
func build(t *testing.T, module string) string {
	file := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", "build", "-C", module, "-o", file, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return file
}

// requireRedis skips where there is no redis-server, unless one is required.
func requireRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil && os.Getenv("REDLOCK_REQUIRE_REDIS") != "1" {
		t.Skip(err)
	}
}

func TestWorkersConform(t *testing.T) {
	requireRedis(t)
	bench, peers := build(t, "../redlock-bench"), build(t, ".")
	for _, name := range []string{"redsync", "redsync-setnx", "redsync-failfast", "rueidislock", "bsm"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command(bench, "worker-check", "--backend", "redis", peers, name).CombinedOutput()
			assert.NoError(t, err, string(out))
		})
	}
}

// TestKnownFailures runs the real libraries. What it expects is stated here once more, besides the
// harness's own table: these failures are known from elsewhere, and a harness that doesn't find
// them is no use.
func TestKnownFailures(t *testing.T) {
	requireRedis(t)
	type verdict struct{ exclusion, availability string }
	got := make(map[string]verdict)
	scenarios := []string{"control", "slow-renewal", "revival", "cancelled-acquire", "orphan", "bare-majority"}
	args := append([]string{"run", "--backend", "redis", "--peers", build(t, "."),
		"--subject", "redsync,redsync-setnx,rueidislock,bsm,guarded", "--json", "-"}, scenarios...)
	cmd := exec.Command(build(t, "../redlock-bench"), args...)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	require.NoError(t, err, log.String())
	var report struct {
		Results []struct{ Scenario, Subject, Exclusion, Availability string }
	}
	require.NoError(t, json.Unmarshal(out, &report))
	for _, r := range report.Results {
		got[r.Scenario+" "+r.Subject] = verdict{r.Exclusion, r.Availability}
	}
	for experiment, want := range map[string]verdict{
		"slow-renewal rueidislock":    {"violated", "none"},
		"slow-renewal redsync":        {"held", "none"},
		"revival redsync-setnx":       {"violated", "none"},
		"revival redsync":             {"held", "none"},
		"cancelled-acquire redsync":   {"held", "violated"},
		"orphan redsync":              {"held", "violated"},
		"orphan bsm":                  {"held", "violated"},
		"bare-majority redsync":       {"held", "violated"},
		"bare-majority redsync-setnx": {"held", "held"},
		"control redsync":             {"held", "none"},
		"control redsync-setnx":       {"held", "none"},
		"control rueidislock":         {"held", "none"},
		"control bsm":                 {"held", "none"},
		"slow-renewal guarded":        {"held", "none"},
		"revival guarded":             {"held", "none"},
		"cancelled-acquire guarded":   {"held", "held"},
		"orphan guarded":              {"held", "held"},
		"bare-majority guarded":       {"held", "held"},
	} {
		assert.Equal(t, want, got[experiment], "%s\n%s", experiment, &log)
	}
}

// TestLoad measures every library for a moment, each way of locking.
func TestLoad(t *testing.T) {
	requireRedis(t)
	bench, peers := build(t, "../redlock-bench"), build(t, ".")
	for _, flags := range [][]string{nil, {"--try"}} {
		cmd := exec.Command(bench, append([]string{"load", "--peers", peers, "--subject", "redsync,rueidislock-1,bsm-1", "--nodes", "3",
			"--goroutines", "4", "--names", "2", "--duration", "1s", "--rounds", "2", "--json", "-"}, flags...)...)
		var log strings.Builder
		cmd.Stderr = &log
		out, err := cmd.Output()
		require.NoError(t, err, log.String())
		var series struct {
			Runs []struct {
				Baseline string
				Subjects []struct {
					Name   string
					Rounds []struct {
						Locks  int64
						Failed map[string]int64
					}
				}
			}
		}
		require.NoError(t, json.Unmarshal(out, &series))
		require.Len(t, series.Runs, 1)
		assert.Equal(t, "redsync", series.Runs[0].Baseline)
		require.Len(t, series.Runs[0].Subjects, 3)
		for _, s := range series.Runs[0].Subjects {
			locks := int64(0) // redsync's pauses are up to 250 ms, and with bad luck nobody wins in a round
			for _, round := range s.Rounds {
				locks += round.Locks
				for kind := range round.Failed {
					assert.Equal(t, "taken", kind, s.Name)
				}
			}
			assert.Positive(t, locks, s.Name)
		}
	}
}

// TestNodeWorker shows that the protocol isn't Go's: the npm package redlock is judged by the
// same scenarios.
func TestNodeWorker(t *testing.T) {
	requireRedis(t)
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("REDLOCK_REQUIRE_NODE") == "1" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	install.Dir = "node"
	out, err := install.CombinedOutput()
	require.NoError(t, err, string(out))
	bench := build(t, "../redlock-bench")

	out, err = exec.Command(bench, "worker-check", "--backend", "redis", "node", "node/worker.js").CombinedOutput()
	assert.NoError(t, err, string(out))

	cmd := exec.Command(bench, "run", "control", "pause-after-check", "--backend", "redis",
		"--worker", "node-redlock=node node/worker.js", "--subject", "node-redlock", "--json", "-")
	var log strings.Builder
	cmd.Stderr = &log
	out, err = cmd.Output()
	require.NoError(t, err, log.String())
	var report struct {
		Results []struct {
			Exclusion, Expected string
			Stale               int `json:"stale_writes_accepted"`
		}
	}
	require.NoError(t, json.Unmarshal(out, &report))
	require.Len(t, report.Results, 2)
	for i, stale := range []int{0, 1} {
		assert.Equal(t, "held", report.Results[i].Exclusion, log.String())
		assert.Equal(t, "any", report.Results[i].Expected)
		assert.Equal(t, stale, report.Results[i].Stale, log.String())
	}
}
