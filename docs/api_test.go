package docs_test

import (
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The exported API is kept in testdata/api.txt, a line for each thing that a program can name. So a change of it shows in review, and what
// would break a program has to be in docs/CHANGELOG.md: a line that is gone needs an entry that begins with **Breaking** and names it.

var apiWrite = flag.Bool("api.write", false, "write testdata/api.txt; a line that is gone has to be in docs/CHANGELOG.md")

const apiFile = "testdata/api.txt"

// publicPackages are what programs import from this module. Not those of nested modules: to load them needs modules that this one doesn't.
var publicPackages = []string{"clockdrift", "quorum", "redlock", "redlock/fence", "redlock/redlockslog", "redlock/redlocktest", "redlock/redlocktest/lockertest"}

// load returns the types of the public packages, from what the compiler exports.
func load(t *testing.T) (all []*types.Package) {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"}
	for _, p := range publicPackages {
		args = append(args, "./"+p)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[path] = file
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range publicPackages {
		pkg, err := imp.Import(module + "/" + p)
		require.NoError(t, err)
		all = append(all, pkg)
	}
	return all
}

// api returns a line for each exported thing: "redlock: method (*Lock) Valid() bool".
func api(packages []*types.Package) (lines []string) {
	for _, pkg := range packages {
		short := strings.TrimPrefix(pkg.Path(), module+"/")
		qualify := func(p *types.Package) string {
			if p == pkg {
				return ""
			}
			return p.Name()
		}
		add := func(format string, args ...any) { lines = append(lines, short+": "+fmt.Sprintf(format, args...)) }
		signature := func(f types.Object) string {
			return strings.TrimPrefix(types.TypeString(nameless(f.Type().(*types.Signature)), qualify), "func")
		}
		for _, name := range pkg.Scope().Names() {
			o := pkg.Scope().Lookup(name)
			if !o.Exported() {
				continue
			}
			switch o := o.(type) {
			case *types.Const:
				add("const %s %s", name, types.TypeString(o.Type(), qualify))
			case *types.Var:
				add("var %s %s", name, types.TypeString(o.Type(), qualify))
			case *types.Func:
				add("func %s%s", name, signature(o))
			case *types.TypeName:
				if o.IsAlias() {
					add("type %s = %s", name, types.TypeString(types.Unalias(o.Type()), qualify))
					continue
				}
				name := strings.TrimPrefix(types.TypeString(o.Type(), qualify), pkg.Path()+".") // with its parameters
				switch under := o.Type().Underlying().(type) {
				case *types.Struct:
					add("type %s struct", name)
					for f := range under.Fields() {
						if f.Exported() {
							add("field %s.%s %s", o.Name(), f.Name(), types.TypeString(f.Type(), qualify))
						}
					}
				case *types.Interface:
					// All in one line: a method more breaks who implements it.
					var methods []string
					for m := range under.Methods() {
						if m.Exported() {
							methods = append(methods, m.Name()+signature(m))
						} else {
							methods = append(methods, "unexported methods")
						}
					}
					add("type %s interface { %s }", name, strings.Join(slices.Compact(methods), "; "))
				default:
					add("type %s %s", name, types.TypeString(under, qualify))
				}
				for m := range methods(o.Type()) {
					receiver := o.Name()
					if _, pointer := m.Type().(*types.Signature).Recv().Type().(*types.Pointer); pointer {
						receiver = "*" + o.Name()
					}
					add("method (%s) %s%s", receiver, m.Name(), signature(m))
				}
			}
		}
	}
	return lines
}

// methods are the exported ones of a type and of its pointer, those of embedded fields included.
func methods(typ types.Type) func(func(types.Object) bool) {
	return func(yield func(types.Object) bool) {
		if types.IsInterface(typ) {
			return
		}
		set := types.NewMethodSet(types.NewPointer(typ))
		for i := range set.Len() {
			if m := set.At(i).Obj(); m.Exported() && !yield(m) {
				return
			}
		}
	}
}

// nameless takes the parameters' names away: they break nobody.
func nameless(s *types.Signature) *types.Signature {
	strip := func(tuple *types.Tuple) *types.Tuple {
		var vars []*types.Var
		for v := range tuple.Variables() {
			vars = append(vars, types.NewParam(token.NoPos, v.Pkg(), "", v.Type()))
		}
		return types.NewTuple(vars...)
	}
	return types.NewSignatureType(nil, nil, nil, strip(s.Params()), strip(s.Results()), s.Variadic())
}

var apiName = regexp.MustCompile(`^\S+: (?:const|var|func|type|field|method) (?:\(\*?(\w+)\) )?([\w.]+)`)

// named returns what the changelog has to call the thing of a line: Lock.Valid for a method, TTL for a function.
func named(line string) string {
	m := apiName.FindStringSubmatch(line)
	if m[1] != "" {
		return m[1] + "." + m[2]
	}
	return m[2]
}

// unannounced returns which of the old lines are gone without an entry in the changelog.
func unannounced(old, new []string, changelog string) (missing []string) {
	_, entries, _ := strings.Cut(changelog, "\n## Unreleased\n")
	entries, _, _ = strings.Cut(entries, "\n## ")
	for _, line := range old {
		if slices.Contains(new, line) {
			continue
		}
		announced := false
		for entry := range strings.SplitSeq(entries, "\n- ") {
			announced = announced || strings.HasPrefix(entry, "**Breaking**") && regexp.MustCompile("`[^`]*\\b"+regexp.QuoteMeta(named(line))+"\\b[^`]*`").MatchString(entry)
		}
		if !announced {
			missing = append(missing, line)
		}
	}
	return missing
}

func TestAPI(t *testing.T) {
	now := api(load(t))
	require.Greater(t, len(now), 100)
	kept := linesOf(read(t, apiFile))
	changelog := read(t, "docs/CHANGELOG.md")
	gone := unannounced(kept, now, changelog)
	for _, line := range gone {
		t.Errorf("a program that uses this doesn't compile any more:\n\t%s\nIf it's meant, say so in docs/CHANGELOG.md, under Unreleased: \"- **Breaking**: `%s` …\"", line, named(line))
	}
	if *apiWrite && len(gone) == 0 {
		require.NoError(t, os.WriteFile(filepath.Join(root, apiFile), []byte(strings.Join(now, "\n")+"\n"), 0o644))
		return
	}
	if !slices.Equal(kept, now) {
		for _, line := range now {
			if !slices.Contains(kept, line) {
				t.Errorf("new, and not in %s: %s", apiFile, line)
			}
		}
		t.Errorf("the exported API isn't that of %s: go test ./docs -run 'TestAPI$' -api.write", apiFile)
	}
	// Somebody could have written the file without the command.
	if tag := lastRelease(t); tag != "" {
		cmd := exec.Command("git", "show", tag+":"+apiFile)
		cmd.Dir = root
		released, err := cmd.Output()
		require.NoError(t, err, tag)
		for _, line := range unannounced(linesOf(string(released)), now, changelog) {
			t.Errorf("since %s this is gone, and docs/CHANGELOG.md doesn't say so: %s", tag, line)
		}
	}
}

func linesOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// lastRelease returns the tag of the last release, if there was one and this is a clone that knows it.
func lastRelease(t *testing.T) string {
	cmd := exec.Command("git", "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Logf("no release to compare with: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func TestBreakingChangesAreFound(t *testing.T) {
	old := []string{"redlock: method (*Lock) Valid() bool", "redlock: func TTL(time.Duration) LockOption", "quorum: type Tally struct"}
	changelog := "# Changes\n\n## Unreleased\n\n%s\n\n## v0.1.0\n\n- **Breaking**: `Lock.Valid` is gone.\n"
	for name, c := range map[string]struct {
		now    []string
		entry  string
		broken []string
	}{
		"nothing has changed":      {old, "- Faster.", nil},
		"something is new":         {append([]string{"redlock: func AtMost(time.Duration) LockOption"}, old...), "- Faster.", nil},
		"a method is gone":         {old[1:], "- Faster.", old[:1]},
		"it's named, not breaking": {old[1:], "- `Lock.Valid` is faster.", old[:1]},
		"it's announced":           {old[1:], "- **Breaking**: `Lock.Valid` is called `Lock.Held`.", nil},
		"another is announced":     {old[1:], "- **Breaking**: `Lock.Validity` is gone.", old[:1]},
		"a parameter is new":       {[]string{old[0], "redlock: func TTL(time.Duration, bool) LockOption", old[2]}, "- Faster.", old[1:2]},
		"the entry has two lines":  {old[:2], "- Faster.\n- **Breaking**: these are gone:\n  `quorum.Tally`.", nil},
	} {
		assert.Equal(t, c.broken, unannounced(old, c.now, fmt.Sprintf(changelog, c.entry)), name)
	}
}
