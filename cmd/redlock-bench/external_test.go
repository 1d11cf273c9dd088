package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// script writes a worker in sh, which greets and goes on with body for each further line. There,
// $id and $now are those of the request, and $op what it asks for.
func script(t *testing.T, greeting, body string) string {
	file := filepath.Join(t.TempDir(), "worker")
	text := `#!/bin/sh
while read -r line; do
  id=$(echo "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
  op=$(echo "$line" | sed 's/.*"op":"\([a-z]*\)".*/\1/')
  now=$(echo "$line" | sed 's/.*"now_ns":\([0-9]*\).*/\1/')
  times="\"invoked_ns\":$now,\"returned_ns\":$now"
  if [ $op = hello ]; then ` + greeting + `; continue; fi
  ` + body + `
done
`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o755))
	return file
}

const (
	greets = `echo "{\"id\":$id,\"ok\":true,\"version\":1}"`
	// liar says yes to everything and asks nobody.
	liar = `echo "{\"id\":$id,\"ok\":true,\"token\":\"t\",\"valid_until_ns\":$((now+1000000000)),\"counters\":{},$times}"`
)

func runStranger(t *testing.T, worker string, more ...string) (result, report.Result) {
	began := time.Now()
	got := bench(t.Context(), append([]string{"run", "control", "--worker", "mine=" + worker, "--subject", "mine", "--json", "-"}, more...)...)
	assert.Less(t, time.Since(began), 30*time.Second)
	var r report.Report
	require.NoError(t, json.Unmarshal([]byte(got.out), &r), got.errOut)
	require.Len(t, r.Results, 1)
	assert.Equal(t, "mine", r.Results[0].Subject)
	assert.EqualValues(t, "any", r.Results[0].Expected)
	return got, r.Results[0]
}

// TestWorkersThatFail has workers that don't work: none is judged, all are explained.
func TestWorkersThatFail(t *testing.T) {
	for name, c := range map[string]struct{ greeting, body, want string }{
		"crashes at once":        {`echo "panic: no memory" >&2; exit 3`, "", "exit status 3; its last words: panic: no memory"},
		"crashes later":          {greets, `echo "panic: lost it" >&2; exit 4`, "exit status 4; its last words: panic: lost it"},
		"never greets":           {`sleep 60`, "", "took longer than 2s"},
		"hangs":                  {greets, `sleep 60`, "took longer than 2s"},
		"echoes":                 {`echo "$line"`, `echo "$line"`, "a request came back as if it were a reply; answer it with {\"id\":…,\"ok\":…}"},
		"prints garbage":         {greets, `echo "Acquired the lock!"`, "not a line of the protocol"},
		"has no token":           {greets, `echo "{\"id\":$id,\"ok\":true,$times}"`, "acquired without a token"},
		"lies about its token":   {strings.Replace(greets, `1}`, `1,\"fencing\":true}`, 1), liar, "announced fencing true and acquired with fencing token 0"},
		"lies about its nodes":   {strings.Replace(greets, `1}`, `1,\"uses\":[7]}`, 1), liar, "uses node 7; there are 0 to 4"},
		"lives in another time":  {greets, strings.Replace(liar, "$times", `\"invoked_ns\":1,\"returned_ns\":2`, 1), "reported that acquire ran from 1 to 2"},
		"skews its times":        {greets, strings.Replace(liar, "$times", `\"invoked_ns\":$((now-19000000)),\"returned_ns\":$((now-19000000))`, 1), "reported that acquire ran from"},
		"believes for a decade":  {greets, strings.Replace(liar, "now+1000000000", "now+315360000000000000", 1), "more than two TTLs of 1s"},
		"speaks another version": {strings.Replace(greets, `:1}`, `:9}`, 1), liar, "version 9, want version 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, r := runStranger(t, script(t, c.greeting, c.body), "--timeout", "2s")
			assert.EqualValues(t, "unknown", r.Exclusion)
			assert.Equal(t, statusUnexpected, got.status)
			assert.Contains(t, strings.Join(r.Evidence, "\n"), c.want)
			assert.Contains(t, got.errOut, "unknown", "people see it, too")
		})
	}
}

// TestStrangerIsJudged has a worker that locks badly. Nothing is known about it, but a violation isn't what
// its author hopes for, unless they say so.
func TestStrangerIsJudged(t *testing.T) {
	worker := script(t, greets, liar)
	got, r := runStranger(t, worker)
	assert.EqualValues(t, "violated", r.Exclusion)
	assert.False(t, r.AsExpected)
	assert.Equal(t, statusUnexpected, got.status)

	got, r = runStranger(t, worker, "--strict=false")
	assert.EqualValues(t, "violated", r.Exclusion)
	assert.True(t, r.AsExpected)
	assert.Zero(t, got.status)
}

// TestStrictIsForAnySubject shows that --strict takes a violation for one, however well it's known.
func TestStrictIsForAnySubject(t *testing.T) {
	args := []string{"run", "stale-unlock", "--subject", "naive,single"}
	assert.Zero(t, bench(t.Context(), args...).status, "naive is known to break")
	got := bench(t.Context(), append(args, "--strict")...)
	assert.Equal(t, statusUnexpected, got.status)
	assert.Contains(t, got.errOut, "1 of 2 experiments didn't end as expected")
}

// TestChaosIsStrictWithStrangers has the same worker under random faults.
func TestChaosIsStrictWithStrangers(t *testing.T) {
	args := []string{"chaos", "--backend", "embedded", "--worker", "mine=" + script(t, greets, liar), "--subject", "mine",
		"--duration", "3s", "--ttl", "500ms", "--faults", "partition=1"}
	got := bench(t.Context(), args...)
	assert.Equal(t, statusUnexpected, got.status, got.errOut)
	assert.Contains(t, got.out, "VIOLATED")
}

// TestChaosTakesNobodyAtTheirWord has workers under which nothing can go wrong, since nothing happens.
func TestChaosTakesNobodyAtTheirWord(t *testing.T) {
	const refuses = `echo "{\"id\":$id,\"ok\":false,\"error\":\"no\",$times}"`
	for want, body := range map[string]string{
		"0 acquisitions that were believed in": `case $op in check|write|extend) ` + refuses + `;; *) ` + strings.Replace(liar, "now+1000000000", "0", 1) + `;; esac`,
		"0 acquisitions in 3":                  `case "$line" in *acquire*job*) ` + refuses + `;; *) ` + liar + `;; esac`,
		"0 writes, of at least":                liar,
	} {
		t.Run(want, func(t *testing.T) {
			got := bench(t.Context(), "chaos", "--backend", "embedded", "--worker", "mine="+script(t, greets, body), "--subject", "mine",
				"--duration", "3s", "--ttl", "500ms", "--faults", "pause-client=1")
			assert.Equal(t, statusUnexpected, got.status, got.errOut)
			assert.Contains(t, got.out, "mine, why nothing counts as held: "+want)
		})
	}
}

func TestBadExternals(t *testing.T) {
	for line, want := range map[string]string{
		"run --worker mine":                        `--worker "mine": give NAME=COMMAND`,
		"run --worker =true":                       "give NAME=COMMAND",
		"run --worker a,b=true":                    "a name without commas",
		"run --worker classic=true":                "--worker classic: there is a subject of this name already",
		"run --worker x=true --worker x=true":      "--worker x: there is a subject of this name already",
		"run --worker mine=./does-not-exist":       "--worker mine=./does-not-exist: exec: \"./does-not-exist\"",
		"run --peers ./does-not-exist":             "redlock-peers .\": exec: \"./does-not-exist\"",
		"run --worker mine=true --subject classic": "--subject doesn't name it",
		"run --subject redsync":                    "it isn't built in; give the program that runs it with --peers FILE or --worker redsync=COMMAND",
		"run --peers true --subject redsink":       `Did you mean "redsync"?`,
		"worker-check":                             "give the program to check",
		"worker-check ./does-not-exist":            "worker-check: exec: \"./does-not-exist\"",
		"worker-check --backend reddis true":       `Did you mean "redis"?`,
	} {
		t.Run(line, func(t *testing.T) {
			got := bench(t.Context(), strings.Fields(line)...)
			assert.Equal(t, statusUsage, got.status)
			assert.Contains(t, got.errOut, want)
			assert.Equal(t, !strings.Contains(want, "exec: "), strings.Contains(got.errOut, "--help."), got.errOut)
			assert.Empty(t, got.out, "nothing was run")
		})
	}
}

func TestWorkerCheck(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	got := bench(t.Context(), "worker-check", "--subject", "classic", self, "worker")
	assert.Zero(t, got.status, got.errOut)
	assert.Regexp(t, `(?m)^ok   hello: the greeting is answered \(.*\)$`, got.out)
	assert.NotContains(t, got.out, "FAIL")

	got = bench(t.Context(), "worker-check", script(t, `exit 3`, ""))
	assert.Equal(t, statusUnexpected, got.status)
	assert.Contains(t, got.out, "FAIL hello: the greeting is answered\n     worker: failed")
	assert.Contains(t, got.errOut, "1 of 1 checks failed")
}
