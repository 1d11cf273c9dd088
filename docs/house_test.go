package docs_test

import (
	"encoding/json"
	"go/ast"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

// packagesOf returns what a module has, by the paths in this one.
func packagesOf(t *testing.T, patterns ...string) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps,GoFiles"}, patterns...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	all := make(map[string]listed)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p listed
		require.NoError(t, decoder.Decode(&p))
		all[strings.TrimPrefix(p.ImportPath, module+"/")] = p
	}
	return all
}

var house = regexp.MustCompile("(?m)^\\| `((?:clockdrift|quorum|redlock|cmd)[a-z/-]*)` \\|([^|\n]*)\\|(?:([^|\n]*)\\|)?$")

// design.md's tables of packages are complete, and in the order in which they depend on each other.
func TestHouse(t *testing.T) {
	page, _, is := strings.Cut(read(t, "docs/design.md"), "\n## One acquisition\n")
	require.True(t, is)
	packages := packagesOf(t, "./...")
	above := make(map[string]bool)
	for _, row := range house.FindAllStringSubmatch(page, -1) {
		name := row[1]
		p, is := packages[name]
		if !assert.True(t, is, "design.md has package %s, and the module hasn't", name) {
			continue
		}
		var others []string // what it imports besides the standard library and its own internal packages
		for _, i := range p.Imports {
			own, ours := strings.CutPrefix(i, module+"/")
			switch {
			case ours && strings.Contains(own, "internal/") && strings.HasPrefix(own, name+"/"):
				assert.True(t, above[own] || !strings.HasPrefix(own, "cmd/"), "design.md: %s has to stand above %s", own, name)
			case ours:
				assert.True(t, above[own], "design.md: %s imports %s, which doesn't stand above it", name, own)
				others = append(others, own)
			case strings.Contains(strings.Split(i, "/")[0], "."):
				others = append(others, dependencyName(i))
			}
		}
		above[name] = true
		if row[3] != "" {
			slices.Sort(others)
			want := strings.Split(strings.TrimSpace(row[3]), ", ")
			slices.Sort(want)
			assert.Equal(t, want, slices.Compact(others), "design.md: the imports of %s", name)
		}
	}
	for name := range packages {
		if name != "docs" && !strings.HasPrefix(name, "redlock/internal/") && !strings.HasPrefix(name, "redlock/fence/internal/") {
			assert.True(t, above[name], "design.md doesn't have package %s", name)
		}
	}
	modules, err := exec.Command("git", "-C", root, "ls-files", "*/go.mod").Output()
	require.NoError(t, err)
	for file := range strings.Lines(string(modules)) {
		name := path.Dir(strings.TrimSpace(file))
		assert.True(t, strings.Contains(page, "`"+name+"`") || strings.Contains(page, "`"+path.Base(name)+"`"), "design.md doesn't have module %s", name)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| (`[a-z]+\\.go`[^|]*) \\|").FindAllStringSubmatch(page, -1) {
		for f := range strings.SplitSeq(m[1], ", ") {
			_, err := os.Stat(filepath.Join(root, "redlock", strings.Trim(f, "`")))
			assert.NoError(t, err, "design.md")
		}
	}
}

// dependencyName is how design.md calls a module: x/sync, go-redis.
func dependencyName(path string) string {
	parts := strings.Split(path, "/")
	if parts[0] == "golang.org" {
		return parts[1] + "/" + parts[2]
	}
	return parts[2]
}

// What README and design.md say of what compiles into the library: go-redis, x/sync and x/sys, with what go-redis needs.
func TestHouseNeedsLittle(t *testing.T) {
	allowed := []string{module, "github.com/redis/go-redis/v9", "golang.org/x/sync", "golang.org/x/sys", "github.com/cespare/xxhash/v2", "go.uber.org/atomic"}
	for name, p := range packagesOf(t, "./clockdrift", "./quorum", "./redlock", "./redlock/fence", "./redlock/redlockslog") {
		for _, d := range p.Deps {
			first, _, _ := strings.Cut(d, "/")
			if !strings.Contains(first, ".") {
				continue // the standard library
			}
			known := slices.ContainsFunc(allowed, func(a string) bool { return d == a || strings.HasPrefix(d, a+"/") })
			assert.True(t, known, "%s compiles %s in", name, d)
		}
	}
	for name, never := range map[string]string{"quorum": "github.com/redis/go-redis/v9", "clockdrift": "github.com/redis/go-redis/v9", "redlock/fence": module + "/redlock"} {
		assert.NotContains(t, packagesOf(t, "./"+name)[name].Deps, never, name)
	}
}

// What design.md calls pure reads no clock, starts no goroutine, takes no context and does no I/O.
func TestPureCores(t *testing.T) {
	_, text, is := strings.Cut(read(t, "docs/design.md"), "\nThese are pure: ")
	require.True(t, is)
	text, _, _ = strings.Cut(text, "\n\n")
	cores := regexp.MustCompile("`([a-z/-]+\\.go)`").FindAllStringSubmatch(text, -1)
	require.GreaterOrEqual(t, len(cores), 4)
	files := []string{}
	for _, m := range cores {
		files = append(files, m[1])
	}
	require.Contains(t, text, "package `check`")
	check := packagesOf(t, "./cmd/redlock-bench/internal/check")["cmd/redlock-bench/internal/check"]
	require.NotEmpty(t, check.GoFiles)
	require.Contains(t, check.Deps, module+"/cmd/redlock-bench/internal/history")
	for _, d := range check.Deps { // a verdict needs a history, and no nodes
		assert.NotContains(t, []string{"net", "github.com/redis/go-redis/v9", "github.com/alicebob/miniredis/v2"}, d, "what package check links")
	}
	for _, f := range check.GoFiles {
		files = append(files, "cmd/redlock-bench/internal/check/"+f)
	}
	impure := []string{"context", "net", "os", "io", "sync", "sync/atomic", "math/rand", "math/rand/v2", "crypto/rand", "github.com/redis/go-redis/v9"}
	for _, file := range files {
		f := parseFile(t, file)
		for _, i := range f.Imports {
			assert.NotContains(t, impure, strings.Trim(i.Path.Value, `"`), file)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", file)
			case *ast.SelectorExpr:
				if x, is := n.X.(*ast.Ident); is && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}, n.Sel.Name) {
					assert.Equal(t, "linearizable.go", filepath.Base(file), "%s reads the clock", file)
				}
			}
			return true
		})
	}
}
