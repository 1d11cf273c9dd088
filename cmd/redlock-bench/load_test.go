package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

func TestBadLoads(t *testing.T) {
	for line, want := range map[string]string{
		"--nodes 0":                           "--nodes 0: give from 1 to 64",
		"--nodes 65":                          "--nodes 65: give from 1 to 64",
		"--goroutines 0":                      "--goroutines 0: give from 1",
		"--goroutines 20001":                  "--goroutines 20001: give from 1 to 20000",
		"--processes 0":                       "--processes 0: give from 1 to 64",
		"--processes 9 --goroutines 8":        "--processes 9: there are only 8 goroutines for them; give more --goroutines",
		"--names -1":                          "--names -1: give from 1 to 1000000, or leave it out",
		"--rate -5":                           "--rate -5: give up to",
		"--rate 5 --rest 1ms":                 "--rest 1ms together with --rate",
		"--every 1us":                         "--every 1µs: give from 1ms to 1m0s",
		"--every 1s --goroutines 3":           "--every 1s: with 3 names for 3 goroutines no two try for the same lock; give fewer --names",
		"--every 1s --try":                    "--every 1s together with --rate, --rest or --try",
		"--ttl 1ms":                           "--ttl 1ms: give from 200ms to 1m0s",
		"--ttl 2m":                            "--ttl 2m0s: give from",
		"--hold -1s":                          "--hold -1s: nothing renews these locks",
		"--hold 3s":                           "half of their TTL, which is 5s; or a longer --ttl",
		"--rest -1s":                          "--rest -1s: give from 0",
		"--duration 0s":                       "--duration 0s: give from 100ms",
		"--rounds 0":                          "--rounds 0: give from 1",
		"--subject gaurded":                   `there is no subject "gaurded". Did you mean "guarded"?`,
		"--subject redsync":                   "--subject redsync: it isn't built in; give the program that runs it with --peers FILE",
		"--subject=":                          "--subject: name at least one of plain, fenced, guarded",
		"--peers /does/not/exist":             "--peers: ",
		"--json /does/not/exist/results.json": "--json: open /does/not/exist/results.json",
		"--html /does/not/exist/page.html":    "--html: open /does/not/exist/page.html",
		"--html -":                            "--html -: give the name of a file",
		"--sweep nodes":                       `--sweep nodes: "": give whole numbers from 1 on`,
		"--sweep nodes=1,x":                   `--sweep nodes=1,x: "x": give whole numbers`,
		"--sweep hold=1":                      "--sweep hold=1: give one of goroutines, names, nodes, processes, rate",
		"--sweep nodes=1,99":                  "--sweep nodes=1,99: --nodes 99: give from 1 to 64",
		"now":                                 `unknown command "now"`,
	} {
		t.Run(line, func(t *testing.T) {
			got := bench(t.Context(), append([]string{"load"}, strings.Fields(line)...)...)
			assert.Equal(t, statusUsage, got.status)
			assert.Contains(t, got.errOut, want)
			assert.Empty(t, got.out)
			assert.NotContains(t, got.errOut, "[1/", "nothing was started")
		})
	}
}

func TestLoadHelp(t *testing.T) {
	got := bench(t.Context(), "load", "--help")
	require.Zero(t, got.status)
	golden(t, "testdata/help-load.txt", got.out)
}

// TestRealLoad measures all three for a moment, on servers and with processes of their own.
func TestRealLoad(t *testing.T) {
	requireRedis(t, "redis")
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	got := bench(t.Context(), "load", "--nodes", "3", "--goroutines", "6", "--processes", "2", "--names", "2", "--ttl", "1s",
		"--duration", "400ms", "--rounds", "2", "--json", "-", "--html", page)
	require.Zero(t, got.status, got.errOut)
	assert.Contains(t, got.errOut, "[6/6] ")
	assert.Contains(t, got.errOut, "over plain’s", "the table is elsewhere")
	var series load.Series
	require.NoError(t, json.Unmarshal([]byte(got.out), &series), "nothing but JSON")
	assert.Equal(t, "redlock-bench load --duration 400ms --goroutines 6 --names 2 --nodes 3 --processes 2 --rounds 2 --ttl 1s", series.Command)
	require.Len(t, series.Runs, 1)
	require.Len(t, series.Runs[0].Subjects, 3)
	for _, s := range series.Runs[0].Subjects {
		require.Len(t, s.Rounds, 2, s.Name)
		for _, round := range s.Rounds {
			assert.Positive(t, round.Locks, s.Name)
			assert.Zero(t, round.Overlaps, s.Name)
		}
		for _, m := range load.Metrics {
			if m.Compared {
				assert.Contains(t, s.Summary, m.Key, s.Name)
			}
		}
		assert.Greater(t, s.Summary["commands_per_lock"].Median, 5.0, "%s: two commands on each node", s.Name)
	}
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, 4, strings.Count(string(written), "<svg"))
}

func TestRealSweep(t *testing.T) {
	requireRedis(t, "redis")
	got := bench(t.Context(), "load", "--sweep", "nodes=1,2", "--subject", "plain", "--goroutines", "2", "--rate", "200",
		"--duration", "200ms", "--rounds", "1", "--markdown")
	require.Zero(t, got.status, got.errOut)
	assert.Contains(t, got.out, "open loop, 200/s, 2 goroutines")
	assert.Contains(t, got.out, "| nodes | plain |")
	assert.Contains(t, got.out, "\n| 2 | ")
}

func TestLoadWithoutServers(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	got := bench(t.Context(), "load")
	assert.Equal(t, statusEnvironment, got.status)
	assert.Contains(t, got.errOut, "no redis-server found in PATH; install it")
}

// A peer that isn't one is told about with its last words.
func TestLoadOfBadPeers(t *testing.T) {
	requireRedis(t, "redis")
	file := filepath.Join(t.TempDir(), "peers")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\necho no library >&2\nexit 3\n"), 0o755))
	got := bench(t.Context(), "load", "--peers", file, "--subject", "redsync", "--nodes", "1")
	assert.Equal(t, statusEnvironment, got.status)
	assert.Contains(t, got.errOut, "redsync, process 1: ended with exit status 3; its last words: no library")
}

// However fast a lock is: that it doesn't exclude is the status.
func TestOverlapsAreAnError(t *testing.T) {
	series := &load.Series{Runs: []*load.Report{{Subjects: []*load.SubjectReport{
		{Name: "good", Rounds: []*load.Round{{}}}, {Name: "bad", Rounds: []*load.Round{{Overlaps: 2}, {}, {Overlaps: 1}}},
	}}}}
	var out strings.Builder
	assert.Equal(t, statusUnexpected, exitStatus(&out, newRootCommand(), exclusive(series)))
	assert.Contains(t, out.String(), "two clients held a lock at once: bad (3 times)")
	assert.NoError(t, exclusive(&load.Series{}))
}
