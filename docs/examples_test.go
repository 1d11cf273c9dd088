package docs_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// On pkg.go.dev each function and each method is shown in use: in an example of its own name, or in one of its type. Options, and the
// functions that make values, are in any example of their package.

// withoutExample are exported functions and methods that need none, with the reason. A type stands for all its methods.
var withoutExample = map[string]string{
	"redlock: QuorumError.Unwrap":         "errors.Is calls it",
	"redlock: QuorumError.Error":          "fmt calls it",
	"redlock: NodeResult.String":          "fmt calls it",
	"redlock: Outcome.String":             "fmt calls it",
	"redlock/fence: StaleError.Unwrap":    "errors.Is calls it",
	"redlock/fence: StaleError.Error":     "fmt calls it",
	"redlock/fence: Dialect.String":       "fmt calls it",
	"redlock/fence: SQL.CheckRow":         "it's for drivers' modules: fencepgx calls it",
	"redlock/fence: SQL.CheckWith":        "it needs a driver; an example in module sqltest runs it",
	"redlock/fence: SQL.DoWith":           "it needs a driver; an example in module sqltest runs it",
	"redlock/fence: SQL.RecheckWith":      "it needs a driver; what sqltest's examples run, DoWith, calls it",
	"quorum: Result.String":               "fmt calls it",
	"quorum: Vote.String":                 "fmt calls it",
	"redlock/redlocktest/lockertest: New": "it's for tests, which have a testing.TB, and examples have none; the README has one",
	"redlock/redlocktest: New":            "it's for tests, which have a testing.TB, and examples have none; the README has one",
}

// example is one that go test runs, since it says what it prints, or that needs a database.
type example struct {
	name  string
	calls map[string]bool // names of what it calls
	runs  bool
}

// examples returns those of a package.
func examples(t *testing.T, dir string) (all []example) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*_test.go"))
	require.NoError(t, err)
	for _, name := range names {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		require.NoError(t, err)
		// What an example's helpers call, it calls: those of its file.
		helpers := make(map[string]map[string]bool)
		for _, d := range f.Decls {
			if fn, is := d.(*ast.FuncDecl); is {
				helpers[fn.Name.Name] = called(fn)
			}
		}
		for _, e := range doc.Examples(f) {
			x := example{name: e.Name, calls: make(map[string]bool), runs: e.Output != "" || e.EmptyOutput}
			for c := range helpers["Example"+e.Name] {
				x.calls[c] = true
				for inner := range helpers[c] {
					x.calls[inner] = true
				}
			}
			all = append(all, x)
		}
	}
	return all
}

// called returns the names that a function calls, or passes on.
func called(fn *ast.FuncDecl) map[string]bool {
	names := make(map[string]bool)
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			names[n.Sel.Name] = true
		case *ast.CallExpr:
			if id, is := n.Fun.(*ast.Ident); is {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

// shown reports whether an example shows a function, or with a type its method.
func shown(all []example, typ, name string) bool {
	for _, e := range all {
		if !e.calls[name] {
			continue
		}
		if typ == "" || e.name == typ || e.name == typ+"_"+name || strings.HasPrefix(e.name, typ+"_") {
			return true
		}
	}
	return false
}

func TestEverythingHasAnExample(t *testing.T) {
	used := make(map[string]bool)
	for _, pkg := range load(t) {
		short := strings.TrimPrefix(pkg.Path(), module+"/")
		all := examples(t, short)
		for _, e := range all {
			if !e.runs && !strings.HasPrefix(e.name, "SQL") {
				t.Errorf("%s: Example%s has no // Output, so nothing runs it", short, e.name)
			}
		}
		missing := func(typ, name string) {
			key := short + ": " + strings.TrimPrefix(typ+"."+name, ".")
			switch {
			case withoutExample[key] != "":
				used[key] = true
				assert.False(t, shown(all, typ, name) && typ == "", "%s has an example: take it out of withoutExample", key)
			case !shown(all, typ, name):
				t.Errorf("%s isn't in an example of its name or of its type", key)
			}
		}
		for _, name := range pkg.Scope().Names() {
			switch o := pkg.Scope().Lookup(name).(type) {
			case *types.Func:
				if o.Exported() {
					missing("", name)
				}
			case *types.TypeName:
				if o.Exported() && !o.IsAlias() {
					for m := range methods(o.Type()) {
						missing(name, m.Name())
					}
				}
			}
		}
	}
	for key := range withoutExample {
		assert.True(t, used[key], "%s isn't there any more: take it out of withoutExample", key)
	}
}
