package docs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// The documents' Go is compiled as it's printed, and run on embedded servers. It's of three kinds:
//
//   - a program (package main) is built and run as it is,
//   - declarations become a package; its tests are run,
//   - statements become the body of a function that has ctx, nodes (URLs), locker and lock.
//
// What a page takes as given stands in a comment before the block: <!-- given: func charge() {} -->. Not run is
// what says so, with the reason: <!-- compiled only: … -->; <!-- not compiled: … -->.

// imports are the packages that statements may use by name. Programs and tests say themselves what they import.
var imports = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "os": "os", "slog": "log/slog", "sql": "database/sql", "time": "time",
	"log": "log", "sync": "sync", "testing": "testing", "synctest": "testing/synctest",
	"strings": "strings", "redis": "github.com/redis/go-redis/v9", "logging": "github.com/redis/go-redis/v9/logging",
	"redlock": module + "/redlock", "fence": module + "/redlock/fence", "redlockslog": module + "/redlock/redlockslog",
	"redlocktest": module + "/redlock/redlocktest", "lockertest": module + "/redlock/redlocktest/lockertest",
	"quorum": module + "/quorum", "clockdrift": module + "/clockdrift",
}

const module = "github.com/a5bbb083/redlock"

// exampleURL is how the documents call servers.
var exampleURL = regexp.MustCompile(`"redis://(?:10\.0\.0\.|127\.0\.0\.1:700)(\d)(?::6379)?"`)

// snippet is a block that becomes Go source.
type snippet struct {
	block
	name    string // of its function, or of its program
	program bool
	source  string
	tests   []string
}

// position tells the compiler whose line the next one is.
func (s *snippet) position() string { return fmt.Sprintf("//line %s:%d\n", s.file, s.line) }

// build makes the source of a file.
func (s *snippet) build(t *testing.T, number int) {
	code := exampleURL.ReplaceAllString(s.code, `exampleNode($1)`)
	set := token.NewFileSet()
	if f, err := parser.ParseFile(set, s.file, code, 0); err == nil && f.Name.Name == "main" {
		s.program, s.source = true, s.position()+code
		return
	}
	var top, given strings.Builder
	for _, g := range s.note("given") {
		if _, err := parser.ParseFile(set, "", "package p\n"+g, 0); err == nil {
			top.WriteString(g + "\n")
		} else {
			given.WriteString(g + "\n")
		}
	}
	if f, err := parser.ParseFile(set, s.file, "package p\n"+code, 0); err == nil {
		for _, d := range f.Decls {
			if fn, is := d.(*ast.FuncDecl); is && strings.HasPrefix(fn.Name.Name, "Test") {
				s.tests = append(s.tests, fn.Name.Name)
			}
		}
		s.source = "package page\n\n" + importsOf(code+top.String()) + top.String() + s.position() + code
		return
	}
	s.source = fmt.Sprintf("package page\n\n%s%sfunc snippet%d(ctx context.Context, nodes []string, locker *redlock.Locker, lock *redlock.Lock) error {\n%s{\n%s%s%s}\nreturn nil\n}\n",
		importsOf(code+top.String()+given.String()+"context.Context redlock.Lock"), top.String(), number, used(t, given.String()), s.position(), code, used(t, code, "only"))
}

// importsOf imports what the code mentions.
func importsOf(code string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(mapsKeys(imports)) {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(code) {
			fmt.Fprintf(&b, "import %q\n", imports[name])
		}
	}
	return b.String()
}

func mapsKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// used returns statements with each variable that they declare used, or with "only" no more than that: a page shows
// where a value comes from, and needn't show what becomes of it.
func used(t *testing.T, statements string, only ...string) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {\n"+statements+"\n}", 0)
	require.NoError(t, err, statements)
	var names []string
	for _, s := range f.Decls[0].(*ast.FuncDecl).Body.List {
		a, is := s.(*ast.AssignStmt)
		if !is || a.Tok != token.DEFINE {
			continue
		}
		for _, l := range a.Lhs {
			if name := l.(*ast.Ident).Name; name != "_" {
				names = append(names, name)
			}
		}
	}
	uses := ""
	for _, name := range names {
		uses += "_ = " + name + "\n"
	}
	if len(only) > 0 {
		return uses
	}
	return statements + uses
}

// helper is what the sources of every package get: where the documents' servers are.
const helper = `package %s

import (
	"os"
	"strings"
)

func exampleNode(n int) string {
	return strings.Split(os.Getenv("REDLOCK_NODES"), ",")[n-1]
}
`

// generated are files for go build's overlay: nothing is written into the module.
type generated struct {
	t     *testing.T
	dir   string
	files map[string]string // path in the module -> file
}

func (g *generated) add(path, source string) {
	file := filepath.Join(g.dir, fmt.Sprintf("%d.go", len(g.files)))
	require.NoError(g.t, os.WriteFile(file, []byte(source), 0o644))
	place, err := filepath.Abs(filepath.Join(root, "docs", "snippets", filepath.FromSlash(path)))
	require.NoError(g.t, err)
	g.files[place] = file
}

func (g *generated) build(packages ...string) {
	overlay, err := json.Marshal(map[string]any{"Replace": g.files})
	require.NoError(g.t, err)
	file := filepath.Join(g.dir, "overlay.json")
	require.NoError(g.t, os.WriteFile(file, overlay, 0o644))
	ctx, cancel := context.WithTimeout(g.t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-overlay", file, "-o", g.dir + string(filepath.Separator)}, packages...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(g.t, err, "a document's code doesn't compile:\n%s", out)
}

func TestSnippets(t *testing.T) {
	t.Parallel() // most of its time is waiting
	g := &generated{t: t, dir: t.TempDir(), files: make(map[string]string)}
	var all []*snippet
	var mains []string
	var main strings.Builder
	main.WriteString("package main\n\nimport (\n\t\"context\"\n\t\"os\"\n\t\"testing\"\n\n\t\"" + module + "/redlock\"\n")
	var table strings.Builder
	for p, file := range documents(t) {
		var registered strings.Builder
		page := fmt.Sprintf("page%d", p)
		for i, b := range blocks(t, file, "go") {
			if why := b.note("not compiled"); why != nil {
				t.Logf("%s:%d isn't compiled: %s", b.file, b.line, why[0])
				continue
			}
			s := &snippet{block: b, name: fmt.Sprintf("%s.%d", page, i)}
			s.build(t, i)
			all = append(all, s)
			switch {
			case s.program:
				s.name = fmt.Sprintf("program%d_%d", p, i)
				g.add(s.name+"/main.go", s.source)
				g.add(s.name+"/helper.go", fmt.Sprintf(helper, "main"))
				mains = append(mains, "./docs/snippets/"+s.name)
			default:
				g.add(fmt.Sprintf("%s/s%d.go", page, i), s.source)
				for _, test := range s.tests {
					fmt.Fprintf(&registered, "\tTests[%q] = append(Tests[%q], testing.InternalTest{Name: %q, F: %s})\n", s.name, s.name, test, test)
				}
				if strings.Contains(s.source, fmt.Sprintf("func snippet%d(", i)) {
					fmt.Fprintf(&registered, "\tBodies[%q] = snippet%d\n", s.name, i)
				}
			}
		}
		if len(g.files) == 0 || !slices.ContainsFunc(all, func(s *snippet) bool { return strings.HasPrefix(s.name, page+".") }) {
			continue
		}
		g.add(page+"/helper.go", fmt.Sprintf(helper, "page"))
		g.add(page+"/table.go", "package page\n\nimport (\n\t\"context\"\n\t\"testing\"\n\n\t\""+module+"/redlock\"\n)\n\n"+
			"var Tests = map[string][]testing.InternalTest{}\n"+
			"var Bodies = map[string]func(context.Context, []string, *redlock.Locker, *redlock.Lock) error{}\n\n"+
			"func init() {\n"+registered.String()+"}\n")
		fmt.Fprintf(&main, "\t%s %q\n", page, module+"/docs/snippets/"+page)
		fmt.Fprintf(&table, "\trun(%s.Tests, %s.Bodies)\n", page, page)
	}
	require.GreaterOrEqual(t, len(all), 10, "the documents have Go in them")
	g.add("all/helper.go", fmt.Sprintf(helper, "main"))
	g.add("all/main.go", main.String()+")\n"+runner+"func main() {\n"+table.String()+"}\n")
	nodes := startNodes(t) // compiling takes longer than their quarantine
	g.build(append(mains, "./docs/snippets/all")...)

	for _, s := range all {
		t.Run(fmt.Sprintf("%s:%d", s.file, s.line), func(t *testing.T) {
			if why := s.note("compiled only"); why != nil {
				t.Logf("compiled, and not run: %s", why[0])
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, filepath.Join(g.dir, "all"), s.name)
			if s.program {
				cmd = exec.CommandContext(ctx, filepath.Join(g.dir, s.name))
			}
			cmd.Env = append(os.Environ(), "REDLOCK_NODES="+strings.Join(nodes, ","))
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			for _, test := range s.tests {
				assert.Contains(t, string(out), "--- PASS: "+test)
			}
			for _, want := range s.note("prints") {
				assert.Contains(t, string(out), want)
			}
		})
	}
}

// runner runs one snippet, with everything that its page takes for granted.
const runner = `
func run(tests map[string][]testing.InternalTest, bodies map[string]func(context.Context, []string, *redlock.Locker, *redlock.Lock) error) {
	name := os.Args[1]
	if all := tests[name]; all != nil {
		os.Args = []string{os.Args[0], "-test.v"}
		testing.Main(func(string, string) (bool, error) { return true, nil }, all, nil, nil) // it exits
	}
	body := bodies[name]
	if body == nil {
		return
	}
	nodes := []string{exampleNode(1), exampleNode(2), exampleNode(3)}
	locker, err := redlock.Dial(context.Background(), nodes)
	if err != nil {
		panic(err)
	}
	lock, err := locker.Lock(context.Background(), "given to "+name)
	if err != nil {
		panic(err)
	}
	if err := body(context.Background(), nodes, locker, lock); err != nil {
		panic(err)
	}
	if err := locker.Close(); err != nil {
		panic(err)
	}
}

`

// startNodes starts three servers that vote already.
func startNodes(t *testing.T) (urls []string) {
	t.Helper()
	q := redlocktest.New(t, 3)
	for _, n := range q.Nodes() {
		addr, err := n.Listen("127.0.0.1:0")
		require.NoError(t, err)
		urls = append(urls, "redis://"+addr.String())
	}
	locker, err := redlock.Dial(t.Context(), urls)
	require.NoError(t, err)
	_, err = locker.Lock(t.Context(), "first")
	require.NoError(t, err)
	require.NoError(t, locker.Close())
	return urls
}
