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
)

func TestChaosRefusesBadInput(t *testing.T) {
	notAPlan := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(notAPlan, []byte(`{"nodes": 5}`), 0o644))
	for want, args := range map[string][]string{
		"--nodes 65":                      {"--nodes", "65"},
		"0 nodes: give at least 1":        {"--nodes", "0"},
		"99 clients: give from 1 to 32":   {"--clients", "99"},
		"TTL of 0s":                       {"--ttl", "500us"},
		"duration of 1s":                  {"--duration", "1s"},
		`there is no claim "luck"`:        {"--claims", "pauses,luck"},
		"name at least one of pauses":     {"--claims="},
		"--claims and --faults: give one": {"--claims", "pauses", "--faults", "flush=1"},
		`there is no fault "meteor"`:      {"--faults", "meteor=1"},
		"weight -1 of flush":              {"--faults", "flush=-1"},
		`Did you mean "redis"`:            {"--backend", "rediss"},
		`no subject "guardad"`:            {"--subject", "guardad"},
		"--last-moments 2: give from 0":   {"--last-moments", "2"},
		"--html -: give the name":         {"--html", "-"},
		"--json and --html are one file":  {"--json", "same.out", "--html", "./same.out"},
		"--html: open /does/not/exist":    {"--html", "/does/not/exist/page.html"},
		"a fault every 10ms: give at le":  {"--every", "10ms"},
		"--plan and --every: give one":    {"--plan", notAPlan, "--every", "1s"},
		"--shrink -1s":                    {"--shrink", "-1s"},
		"--shrink-need 4":                 {"--shrink-need", "4"},
		"no such file":                    {"--plan", "nowhere.json"},
		"0 clients: give from 1":          {"--plan", notAPlan},
		"--plan and --seed: give one of":  {"--plan", notAPlan, "--seed", "3"},
		"unknown command":                 {"clock-jump"},
		"it isn't built in; give the pr":  {"--subject", "redsync"},
	} {
		t.Run(want, func(t *testing.T) {
			got := bench(t.Context(), append([]string{"chaos"}, args...)...)
			assert.Equal(t, statusUsage, got.status, got.errOut)
			assert.Contains(t, got.errOut, want)
			assert.Empty(t, got.out)
		})
	}
}

func TestChaosPlanOnlyIsRepeatable(t *testing.T) {
	first := bench(t.Context(), "chaos", "--plan-only", "--seed", "7")
	require.Zero(t, first.status, first.errOut)
	assert.Equal(t, first, bench(t.Context(), "chaos", "--plan-only", "--seed", "7"))
	assert.NotEqual(t, first.out, bench(t.Context(), "chaos", "--plan-only", "--seed", "8").out)

	file := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(file, []byte(first.out), 0o644))
	assert.Equal(t, first, bench(t.Context(), "chaos", "--plan-only", "--plan", file))
}

// TestChaosCommand runs a good lock, and a broken one of which it's said where a violation was found.
// TestChaosCommand lasts long enough for each client to have the lock a few times: of 13 acquisitions in four seconds a busy machine gave two clients none.
func TestChaosCommand(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	got := bench(t.Context(), "chaos", "--backend", "embedded", "--duration", "8s", "--ttl", "500ms", "--seed", "3",
		"--subject", "guarded,broken", "--faults", "partition=2,pause-client=1,reset=1", "--json", "-", "--shrink", "3s", "--shrink-need", "1", "--html", page)
	require.Zero(t, got.status, got.errOut)
	shown, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, words := range []string{"broken let two clients hold the lock at once, ", "Availability for safety: ", `"kind":"overlap"`, "redlock-bench chaos --backend embedded --duration 8s --faults "} {
		assert.True(t, strings.Contains(string(shown), words), words)
	}
	var report chaos.Report
	require.NoError(t, json.Unmarshal([]byte(got.out), &report), got.out)
	require.Len(t, report.Results, 2)
	guarded, broken := report.Results[0], report.Results[1]
	assert.Equal(t, check.Held, guarded.Exclusion)
	assert.True(t, guarded.AsExpected)
	assert.Nil(t, guarded.Shrunk)
	assert.Equal(t, check.Violated, broken.Exclusion)
	assert.Equal(t, report.Plan.Fingerprint(), report.Fingerprint)
	for _, words := range []string{"no violation found", "VIOLATED", "partition", "proven"} {
		assert.Contains(t, got.errOut, words)
	}
	assert.NotContains(t, got.errOut, "crash-keep")
}

// TestChaosHasNothingToShrink has a lock under which nothing breaks in two seconds.
func TestChaosHasNothingToShrink(t *testing.T) {
	got := bench(t.Context(), "chaos", "--duration", "2s", "--ttl", "400ms", "--subject", "guarded", "--faults", "pause-node=1", "--shrink", "1m")
	assert.Contains(t, got.out, "--shrink: there is nothing to shrink, since nothing was violated; try another --seed")
}

// TestChaosSaysWhichClaimsAreKept has a schedule for each of two claims.
func TestChaosSaysWhichClaimsAreKept(t *testing.T) {
	got := bench(t.Context(), "chaos", "--backend", "embedded", "--duration", "5s", "--ttl", "500ms", "--seed", "3",
		"--subject", "guarded,broken", "--claims", "restarts,pauses", "--json", "-")
	var campaign chaos.Campaign
	require.NoError(t, json.Unmarshal([]byte(got.out), &campaign), got.out)
	require.Len(t, campaign.Reports, 2)
	assert.Equal(t, chaos.Pauses, campaign.Reports[0].Plan.Claim, "the weaker comes first")
	for _, r := range campaign.Reports {
		// A machine that's too busy makes any lock unavailable; it doesn't make it unsafe.
		assert.NotEqual(t, check.Violated, r.Results[0].Exclusion)
		assert.NotEqual(t, check.Violated, r.Results[0].Fencing)
		assert.NotEmpty(t, campaign.Kept["guarded"][r.Plan.Claim])
	}
	assert.Equal(t, map[chaos.Claim]string{chaos.Pauses: "violated", chaos.Restarts: "violated"}, campaign.Kept["broken"])
	assert.Regexp(t, `(?m)^claim, with those above +guarded +broken$`, got.errOut)
	assert.Regexp(t, `(?m)^restarts +\w+ +VIOLATED$`, got.errOut)
	assert.Contains(t, got.errOut, "claim pauses, seed 3, plan ")
}

func TestChaosHelp(t *testing.T) {
	got := bench(t.Context(), "chaos", "--help")
	require.Zero(t, got.status)
	golden(t, "testdata/help-chaos.txt", got.out)
	for _, kind := range chaos.Kinds() {
		assert.Contains(t, got.out, kind)
	}
}
