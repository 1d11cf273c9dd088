package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/doctor"
	"github.com/a5bbb083/redlock/cmd/internal/results"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// resultFiles has an example of each kind of file, and the schema.
const resultFiles = "../../testdata/results/"

// TestSchemaIsThatOfTheCode compares the schema with the types that are written, field by field. -update writes it anew.
func TestSchemaIsThatOfTheCode(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, cli.WriteJSON(&text, schema(t)))
	golden(t, resultFiles+"schema.json", text.String())
}

// valid holds a file to the schema.
func valid(t *testing.T, data []byte) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(resultFiles + "schema.json")
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	require.NoError(t, s.Validate(value))
}

// written are the commands that the examples were written by. They're short, so that a person can read them.
var written = map[results.Kind][]string{
	results.Run:    {"run", "crash-amnesia", "--subject", "classic,guarded", "--nodes", "3"},
	results.Chaos:  {"chaos", "--subject", "guarded,broken", "--nodes", "3", "--clients", "2", "--ttl", "200ms", "--duration", "1s", "--faults", "flush=1", "--last-moments", "0"},
	results.Claims: {"chaos", "--claims", "pauses", "--subject", "broken", "--nodes", "3", "--clients", "2", "--ttl", "200ms", "--duration", "1s", "--last-moments", "0"},
	results.Doctor: {"doctor", "--duration", "300ms"},
}

// writeExample runs the command that an example is written by.
func writeExample(t *testing.T, kind results.Kind) []byte {
	args := append(written[kind], "--json", "-")
	if kind == results.Doctor {
		c, err := cluster.Start(t.Context(), cluster.Config{Backend: cluster.Embedded, Nodes: 3})
		require.NoError(t, err)
		defer func() { require.NoError(t, c.Close()) }()
		var urls []string
		for _, n := range c.Nodes() {
			urls = append(urls, "redis://"+n.Addr())
		}
		args = append(args, "--nodes", strings.Join(urls, ","))
	}
	got := bench(t.Context(), args...)
	require.NotEmpty(t, got.out, got.errOut)
	return []byte(got.out)
}

// TestExamplesOfResults holds each example to the schema and to the code, which must lose nothing of it. What the
// commands write today is held to the schema, too.
func TestExamplesOfResults(t *testing.T) {
	for kind, into := range map[results.Kind]any{
		results.Run: &report.Report{}, results.Chaos: &chaos.Report{}, results.Claims: &chaos.Campaign{}, results.Doctor: &doctor.Report{},
	} {
		t.Run(string(kind), func(t *testing.T) {
			now := writeExample(t, kind)
			valid(t, now)
			file := resultFiles + string(kind) + ".json"
			if *update {
				require.NoError(t, os.WriteFile(file, now, 0o644))
			}
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			valid(t, data)
			decoder := json.NewDecoder(bytes.NewReader(data))
			decoder.DisallowUnknownFields()
			require.NoError(t, decoder.Decode(into))
			var again bytes.Buffer
			require.NoError(t, cli.WriteJSON(&again, into))
			assert.Equal(t, string(data), again.String())
		})
	}
}

// TestJudgeOfTheExamples gives the verdicts that are in the examples, that of the search for a linearization included.
func TestJudgeOfTheExamples(t *testing.T) {
	run := readExample[report.Report](t, results.Run)
	got := bench(t.Context(), "judge", resultFiles+"run.json")
	assert.Zero(t, got.status, got.errOut)
	assert.Regexp(t, `(?m)^crash-amnesia +held +\d+ ms`, got.out)
	assert.Contains(t, got.out, "2 as expected, 0 not")
	valid(t, encoded(t, run.Results[0].History))

	for _, kind := range []results.Kind{results.Chaos, results.Claims} {
		got = bench(t.Context(), "judge", resultFiles+string(kind)+".json")
		assert.Contains(t, got.out, "VIOLATED")
		assert.Regexp(t, `(?m)^linearizability of these `, got.out)
	}

	// Two acquisitions that took the same token, one after the other, are in no order that explains them.
	c := readExample[chaos.Report](t, results.Chaos)
	h := c.Results[0].History
	var first int64
	for i, o := range h.Operations {
		if o.Fence > 0 && first == 0 {
			first = o.Fence
		} else if o.Fence > 0 {
			h.Operations[i].Fence = first
			break
		}
	}
	got = bench(t.Context(), "judge", write(t, c))
	assert.Regexp(t, `(?m)^linearizability of these +VIOLATED`, got.out)
	assert.Contains(t, bench(t.Context(), "judge", write(t, h)).out, "VIOLATED", "a history alone, too")
}

func TestJudgeReadsNoLaterVersion(t *testing.T) {
	got := bench(t.Context(), "judge", write(t, report.Report{Header: results.Header{Kind: results.Run, Version: 2}}))
	assert.Equal(t, statusUsage, got.status)
	assert.Contains(t, got.errOut, "it's of version 2, and this redlock-bench reads up to 1; take a newer one")
	got = bench(t.Context(), "judge", resultFiles+"doctor.json")
	assert.Contains(t, got.errOut, "it's what doctor --json wrote, which has no history")
}

func readExample[T any](t *testing.T, kind results.Kind) T {
	var v T
	data, err := os.ReadFile(filepath.Join(resultFiles, string(kind)+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &v))
	return v
}

func encoded(t *testing.T, h *history.History) []byte {
	data, err := json.Marshal(h)
	require.NoError(t, err)
	return data
}
