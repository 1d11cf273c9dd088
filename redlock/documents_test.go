package redlock

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The documents say what the code says.

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	require.NoError(t, err)
	return string(text)
}

// says fails without printing the whole page.
func says(t *testing.T, page, text string) {
	t.Helper()
	assert.True(t, strings.Contains(page, text), "the page lacks: %s", text)
}

func TestDocumentOfDefaults(t *testing.T) {
	page := document(t, "choosing.md")
	o, err := newOptions(nil)
	require.NoError(t, err)
	require.Equal(t, o.ttl, o.maxTTL)
	require.Equal(t, options{ttl: o.ttl, maxTTL: o.ttl, driftFactor: o.driftFactor, nodeTimeout: o.nodeTimeout, maxClockError: o.maxClockError,
		fenceLife: o.fenceLife, clock: o.clock, fencing: true, guards: true}, o, "an option that's on by default has to be in the page's table")
	for _, row := range []string{
		fmt.Sprintf("| `WithTTL` | %v |", o.ttl),
		"| `WithMaxTTL` | the TTL |",
		fmt.Sprintf("| `WithNodeTimeout` | TTL/20, at most %v |", o.nodeTimeout),
		fmt.Sprintf("| `WithMaxClockError` | TTL/20, at least %v and at most %v |", leastDefaultClockError, o.maxClockError),
		fmt.Sprintf("| `WithDriftFactor` | %v | %v (with guards)", o.driftFactor, leastGuardedDrift),
		fmt.Sprintf("| `WithFenceLife` | %v |", o.fenceLife),
		fmt.Sprintf("| random, up to %v at first, doubling to %v |", firstPause, maxWaitPause),
		fmt.Sprintf("| attempts of a locker under way at once | %d |", maxAttempts),
		fmt.Sprintf("| 1 to %d bytes |", maxName),
		fmt.Sprintf("an owner has at most %d bytes", maxOwner),
		fmt.Sprintf("is given up after | %v (`Dial`) |", connMaxIdleTime),
	} {
		says(t, page, row)
	}
}

func TestDocumentOfTTLs(t *testing.T) {
	page := document(t, "choosing.md")
	for _, ttl := range []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 10 * time.Minute} {
		o, err := newOptions([]Option{WithTTL(ttl)})
		require.NoError(t, err)
		late := 2 * o.maxClockError
		says(t, page, fmt.Sprintf("| %v | %v | %v | %v | %v | %v | %v |", ttl, o.window(0, ttl).Length().Round(time.Millisecond),
			(ttl/3).Truncate(time.Millisecond), o.nodeTimeout, o.maxClockError, ttl+late, o.maxTTL+late))
	}
}

// literals returns the strings of a file's composite literals of a type, each literal's in their order.
func literals(t *testing.T, file, typeName string) (all [][]string) {
	t.Helper()
	f, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	ast.Inspect(f, func(n ast.Node) bool {
		lit, is := n.(*ast.CompositeLit)
		if !is {
			return true
		}
		if name, is := lit.Type.(*ast.Ident); !is || name.Name != typeName {
			return true
		}
		var texts []string
		for _, e := range lit.Elts {
			if pair, is := e.(*ast.KeyValueExpr); is {
				e = pair.Value
			}
			if b, is := e.(*ast.BasicLit); is && b.Kind == gotoken.STRING {
				s, err := strconv.Unquote(b.Value)
				require.NoError(t, err)
				texts = append(texts, s)
			}
		}
		if len(texts) > 0 {
			all = append(all, texts)
		}
		return true
	})
	return all
}

func TestDocumentOfErrors(t *testing.T) {
	page := document(t, "errors.md")
	for o, name := range outcomeNames {
		says(t, page, fmt.Sprintf("| %s | `%v` |", name, constantOf[Outcome(o)]))
	}
	for _, r := range replyRules {
		says(t, page, "| "+r.cause+" | ")
		if r.remedy != useCluster && r.remedy != giveRights {
			says(t, page, r.remedy)
		}
	}
	connection := literals(t, "connectionerror.go", "diagnosis")
	require.Greater(t, len(connection), 10)
	for _, texts := range connection {
		says(t, page, "| "+texts[0]+" | ")
		if len(texts) > 1 {
			says(t, page, texts[1])
		}
	}
	for _, err := range []error{ErrNotAcquired, ErrNoQuorum, ErrLost, ErrHeldTooLong, ErrUnfit, ErrMembership, ErrReentrant, ErrInvalidName, ErrInvalidOption, ErrClosed} {
		says(t, page, "| `"+err.Error()+"` |")
	}
	says(t, page, "`"+strings.Split(ErrQuarantined.Error(), " that may have")[0]+"`")
	for _, dir := range []string{".", "fence"} {
		names := exportedErrors(t, dir)
		require.NotEmpty(t, names)
		for _, name := range names {
			if dir != "." {
				name = dir + "." + name
			}
			says(t, page, "| `"+name+"` |")
		}
	}
}

// constantOf are the names of the outcomes' constants; their own text is what errors say.
var constantOf = [...]string{Failed: "Failed", TimedOut: "TimedOut", Granted: "Granted", Held: "Held", Gone: "Gone", Unawaited: "Unawaited",
	Late: "Late", Quarantined: "Quarantined", ClockSuspect: "ClockSuspect", Unfit: "Unfit", WrongQuorum: "WrongQuorum"}

// exportedErrors returns the names of a package's sentinel errors.
func exportedErrors(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		f, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			vars, is := d.(*ast.GenDecl)
			if !is || vars.Tok != gotoken.VAR || strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, s := range vars.Specs {
				for _, name := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

func TestDocumentsShowTheACLRule(t *testing.T) {
	says(t, document(t, "production.md"), ACLRule("locker", "jobs:", "")+"\n")
}
