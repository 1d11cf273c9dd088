//go:build mutation

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var mutationWrite = flag.Bool("mutation.write", false, "write the table of mutations into docs/experiments.md")

// mutation is a way to break the harness. A test must notice, or verdicts prove nothing.
type mutation struct {
	name string
	harm string // what goes wrong then
	edit edit
	in   string // the package of the test, from internal
	test string // that fails by it
}

// edit replaces the one place in a file, from internal, where old stands.
type edit struct{ file, old, new string }

// TestMutations breaks the harness, one mutation at a time, and requires a test to fail on it that passes
// otherwise.
func TestMutations(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			out, err := m.run(t, "")
			require.NoError(t, err, out)
			out, err = m.run(t, "-overlay="+m.edit.overlay(t))
			require.Error(t, err, "not caught")
			require.Contains(t, out, "--- FAIL: "+m.test)
		})
	}
	if *mutationWrite && !t.Failed() {
		before, _, after := mutationsPage(t)
		require.NoError(t, os.WriteFile(experimentsPage, []byte(before+mutationsTable()+after), 0o644))
	}
}

func (m mutation) run(t *testing.T, overlay string) (string, error) {
	args := []string{"test", "-vet=off", "-count=1", "-timeout=5m", "-run=^" + m.test + "$"}
	if overlay != "" {
		args = append(args, overlay)
	}
	out, err := exec.CommandContext(t.Context(), "go", append(args, "./internal/"+m.in)...).CombinedOutput()
	return string(out), err
}

// overlay returns a file that has the go command see the edited text in place of the real one.
func (e edit) overlay(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("internal", e.file))
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), e.old), "%s has changed: %q must be there exactly once", e.file, e.old)
	edited, overlay := filepath.Join(t.TempDir(), "edited.go"), filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(edited, []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o644))
	data, err := json.Marshal(map[string]map[string]string{"Replace": {path: edited}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, data, 0o644))
	return overlay
}

const experimentsPage = "../../docs/experiments.md"

// mutationsPage cuts the page in three: the table is in the middle.
func mutationsPage(t *testing.T) (before, table, after string) {
	t.Helper()
	page, err := os.ReadFile(experimentsPage)
	require.NoError(t, err)
	const begin, end = "<!-- from here: mutations of redlock-bench -->\n", "<!-- mutations of redlock-bench, up to here -->\n"
	before, rest, found := strings.Cut(string(page), begin)
	require.True(t, found)
	table, after, found = strings.Cut(rest, end)
	require.True(t, found)
	return before + begin, table, end + after
}

// TestMutationsApply is quick, so every change can see that it moved a line which a mutation edits.
func TestMutationsApply(t *testing.T) {
	for _, m := range mutations {
		text, err := os.ReadFile(filepath.Join("internal", m.edit.file))
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(text), m.edit.old), "%s: %s has changed: %q must be there exactly once", m.name, m.edit.file, m.edit.old)
	}
}

func TestMutationsAreListed(t *testing.T) {
	_, table, _ := mutationsPage(t)
	require.Equal(t, mutationsTable(), table, "run TestMutations with -mutation.write")
}

func mutationsTable() string {
	var b strings.Builder
	b.WriteString("| mutation | what it breaks | caught by |\n|---|---|---|\n")
	for _, m := range mutations {
		fmt.Fprintf(&b, "| %s | %s | %s: %s |\n", m.name, m.harm, filepath.Base(m.in), m.test)
	}
	return b.String()
}
