//go:build mutation

package redlock_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	mutationSeeds = flag.Int("mutation.seeds", 2000, "how many seeds a mutation gets before it counts as not caught")
	mutationWrite = flag.Bool("mutation.write", false, "write the table of mutations and what they took into docs/experiments.md")
)

// mutation is a way to break the library. The simulation must notice, or it proves nothing.
type mutation struct {
	name  string
	harm  string // what goes wrong then
	edits []edit
	test  string // that fails by it, where the simulation finds it too seldom; empty for the simulation
}

// edit replaces the one place in a file where old stands.
type edit struct{ file, old, new string }

// caught is how a mutation was noticed.
type caught struct {
	mutation
	seed  int
	check string // the check that failed, with its message
}

// TestMutations breaks a copy of the library, one mutation at a time, and requires
// TestSimulation to fail on it.
func TestMutations(t *testing.T) {
	var all []caught
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			dir := t.TempDir()
			copyLibrary(t, dir, m.test != "")
			for _, e := range m.edits {
				e.apply(t, dir)
			}
			if m.test != "" {
				out, err := runTests(t, dir, "-run=^"+m.test+"$")
				require.Error(t, err, "not caught")
				require.Contains(t, out, "--- FAIL: "+m.test)
				all = append(all, caught{mutation: m, check: m.test + ": it fails"})
				return
			}
			if c, ok := hunt(t, dir, m); ok {
				t.Logf("caught by seed %d: %s", c.seed, c.check)
				all = append(all, c)
			}
		})
	}
	if *mutationWrite {
		before, _, after := mutationsPage(t)
		require.NoError(t, os.WriteFile(experimentsPage, []byte(before+table(all)+after), 0o644))
	}
}

const experimentsPage = "../docs/experiments.md"

// mutationsPage cuts the page in three: the table is in the middle.
func mutationsPage(t *testing.T) (before, table, after string) {
	t.Helper()
	page, err := os.ReadFile(experimentsPage)
	require.NoError(t, err)
	const begin, end = "<!-- from here: TestMutations -->\n", "<!-- TestMutations, up to here -->\n"
	before, rest, found := strings.Cut(string(page), begin)
	require.True(t, found)
	table, after, found = strings.Cut(rest, end)
	require.True(t, found)
	return before + begin, table, end + after
}

func TestMutationsAreListed(t *testing.T) {
	_, table, _ := mutationsPage(t)
	for _, m := range mutations {
		require.Contains(t, table, fmt.Sprintf("| %s | %s |", m.name, m.harm), "run TestMutations with -mutation.write")
	}
	require.Equal(t, len(mutations)+2, strings.Count(table, "\n"), "two lines of header")
}

// TestMutationsApply is quick, so every change can see that it moved a line which a mutation edits.
func TestMutationsApply(t *testing.T) {
	for _, m := range mutations {
		for _, e := range m.edits {
			text, err := os.ReadFile(filepath.Join("..", e.file))
			require.NoError(t, err)
			assert.Equal(t, 1, strings.Count(string(text), e.old), "%s: %s has changed: %q must be there exactly once", m.name, e.file, e.old)
		}
	}
}

func (e edit) apply(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, e.file)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), e.old), "%s has changed: %q must be there exactly once", e.file, e.old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o644))
}

// copyLibrary copies what TestSimulation needs, or all tests of the library.
func copyLibrary(t *testing.T, to string, allTests bool) {
	t.Helper()
	tests := map[string]bool{"export_test.go": true, "main_test.go": true, "sim_test.go": true}
	for _, dir := range []string{"go.mod", "go.sum", "clockdrift", "quorum", "redlock"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if strings.HasSuffix(path, "_test.go") && !(filepath.Dir(path) == filepath.Join("..", "redlock") && (allTests || tests[d.Name()])) {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			copied := filepath.Join(to, strings.TrimPrefix(path, ".."))
			if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
				return err
			}
			return os.WriteFile(copied, text, 0o644)
		}))
	}
}

var broken = regexp.MustCompile(`(?m)seed (\d+) broke a promise:\n\s*\S+ (.*)$`)

// hunt runs the simulation on a broken library and returns the first seed that notices.
func hunt(t *testing.T, dir string, m mutation) (caught, bool) {
	t.Helper()
	out, err := runTests(t, dir, "-run=TestSimulation$", fmt.Sprintf("-sim.seeds=%d", *mutationSeeds))
	found := broken.FindAllStringSubmatch(out, -1)
	if !assert.Error(t, err, "not caught by %d seeds", *mutationSeeds) ||
		!assert.NotEmpty(t, found, "it failed without breaking a promise:\n%s", out) {
		return caught{}, false
	}
	first := caught{mutation: m}
	for _, f := range found { // one for each worker
		if seed, _ := strconv.Atoi(f[1]); first.seed == 0 || seed < first.seed {
			first.seed, first.check = seed, f[2]
		}
	}
	return first, true
}

func runTests(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-vet=off", "-count=1", "-timeout=30m", "./redlock"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func table(all []caught) string {
	var b strings.Builder
	b.WriteString("| mutation | what it breaks | seeds until caught | caught by |\n|---|---|---|---|\n")
	for _, c := range all {
		check, _, _ := strings.Cut(c.check, ":")
		seeds := fmt.Sprint(c.seed)
		if c.test != "" {
			seeds = "a direct test"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.name, c.harm, seeds, check)
	}
	return b.String()
}
