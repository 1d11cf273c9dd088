package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// TestJudgeSaysWhatRunSaid shows that a file has all that the verdicts rest on, where all went as expected,
// where it didn't, where a client couldn't take part, and where an experiment didn't come off.
func TestJudgeSaysWhatRunSaid(t *testing.T) {
	worker := script(t, greets, liar)
	for name, args := range map[string][]string{
		"as expected":        {"stale-unlock", "control", "--subject", "naive,guarded"},
		"violated":           {"control", "partition", "--subject", "broken"},
		"out of time":        {"expiry", "--subject", "classic", "--timeout", "300ms"},
		"a stranger":         {"control", "--worker", "mine=" + worker, "--subject", "mine"},
		"a forgiven one":     {"control", "--worker", "mine=" + worker, "--subject", "mine", "--strict=false"},
		"a worker that dies": {"control", "--worker", "mine=" + script(t, greets, "exit 4"), "--subject", "mine"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "results.json")
			first := bench(t.Context(), append([]string{"run", "--json", file}, args...)...)
			again := []string{"judge", file}
			if name == "a forgiven one" {
				again = append(again, "--strict=false")
			}
			second := bench(t.Context(), again...)
			assert.Equal(t, first.status, second.status, second.errOut)
			assert.Equal(t, first.out, second.out)
		})
	}
}

func TestJudgeSaysWhatChaosSaid(t *testing.T) {
	for name, more := range map[string][]string{"one plan": {"--faults", "partition=2,pause-client=1"}, "claims": {"--claims", "pauses,restarts"}} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "results.json")
			args := append([]string{"chaos", "--backend", "embedded", "--duration", "4s", "--ttl", "500ms", "--subject", "classic,broken", "--json", file}, more...)
			first := bench(t.Context(), args...)
			second := bench(t.Context(), "judge", file)
			assert.Equal(t, first.status, second.status, second.errOut)
			assert.Equal(t, first.out, second.out)
			assert.Contains(t, second.out, "VIOLATED")
		})
	}
}

// A file that has no JSON in it is told once what it should be.
func TestJudgeSaysWhatAFileIsNot(t *testing.T) {
	for content, want := range map[string]string{
		"root:x:0:0": "it isn't JSON (invalid character 'r' looking for beginning of value); give what run --json or chaos --json wrote, or a history",
		"":           "it isn't JSON (unexpected end of JSON input); give what run --json or chaos --json wrote, or a history",
		"[]":         "it isn't a JSON object; give what run --json or chaos --json wrote, or a history",
		"{}":         "it's neither what run --json or chaos --json writes, nor a history",
	} {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
		got := bench(t.Context(), "judge", file)
		assert.Equal(t, statusUsage, got.status)
		assert.Equal(t, "redlock-bench: judge "+file+": "+want+"\n", got.errOut)
	}
}

// run --json - and judge - can be joined by a pipe.
func TestJudgeReadsStandardInput(t *testing.T) {
	first := bench(t.Context(), "run", "control", "--subject", "naive", "--json", "-")
	require.Zero(t, first.status, first.errOut)
	var out strings.Builder
	root := newRootCommand()
	root.SetArgs([]string{"judge", "-"})
	root.SetIn(strings.NewReader(first.out))
	root.SetOut(&out)
	require.NoError(t, root.ExecuteContext(t.Context()))
	assert.Contains(t, out.String(), "\ncontrol   held\n")
}

// write writes v as JSON to a file.
func write(t *testing.T, v any) string {
	file := filepath.Join(t.TempDir(), "data.json")
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o644))
	return file
}

// TestJudgeOfOneHistory judges a history by itself, and once more after somebody has changed what it says.
func TestJudgeOfOneHistory(t *testing.T) {
	got := bench(t.Context(), "run", "control", "--subject", "guarded", "--json", "-")
	var r report.Report
	require.NoError(t, json.Unmarshal([]byte(got.out), &r))
	h := r.Results[0].History
	require.NotNil(t, h)
	got = bench(t.Context(), "judge", write(t, h))
	assert.Zero(t, got.status, got.errOut)
	assert.Contains(t, got.out, "control   held")

	for i := range h.Operations {
		if h.Operations[i].Fence > 0 {
			h.Operations[i].Fence = 7
		}
	}
	got = bench(t.Context(), "judge", write(t, h))
	assert.Equal(t, statusUnexpected, got.status)
	assert.Regexp(t, `\+[0-9.]+m?s: client . \(granted at \+[0-9.]+m?s\) and client . \(granted at \+[0-9.]+m?s\) both have the token 7`, got.out, "with the time")

	got = bench(t.Context(), "chaos", "--backend", "embedded", "--duration", "3s", "--ttl", "500ms", "--subject", "classic", "--faults", "partition=1", "--json", "-")
	var c chaos.Report
	require.NoError(t, json.Unmarshal([]byte(got.out), &c))
	got = bench(t.Context(), "judge", write(t, c.Results[0].History))
	assert.Contains(t, got.out, "partition")
	assert.Equal(t, c.Results[0].Exclusion == check.Held, got.status == 0)
}

func TestJudgeRefusesWhatItCantJudge(t *testing.T) {
	for want, data := range map[string]any{
		"it's neither what run --json":   map[string]int{"answer": 42},
		"control under naive: it has no": report.Report{Results: []report.Result{{Scenario: "control", Subject: "naive"}}},
		"there are no results in it":     report.Report{Results: []report.Result{}},
		`no scenario is called "quake"`:  report.Report{Results: []report.Result{{Scenario: "quake", Subject: "naive"}}},
		"classic: it has no history":     chaos.Report{Results: []chaos.Result{{Subject: "classic"}}},
		"it isn't a JSON object":         []int{1},
		"cannot unmarshal string":        map[string]string{"operations": "none"},
	} {
		got := bench(t.Context(), "judge", write(t, data))
		assert.Equal(t, statusUsage, got.status)
		assert.Contains(t, got.errOut, want)
	}
	assert.Equal(t, statusUsage, bench(t.Context(), "judge", "nowhere.json").status)
	assert.Equal(t, statusUsage, bench(t.Context(), "judge", write(t, chaos.Campaign{Reports: []*chaos.Report{}})).status)
}
