package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

func TestBadCommandLines(t *testing.T) {
	for line, want := range map[string]string{
		"run clock-jmp":                    `there is no scenario "clock-jmp". Did you mean "clock-jump"?`,
		"run xyzzy":                        `there is no scenario "xyzzy". There are: control,`,
		"run --subject clasic":             `there is no subject "clasic". Did you mean "classic"?`,
		"run --subject classic,what":       `there is no subject "what". There are: naive, single, unchecked, classic, guarded, broken, unguarded,`,
		"run --subject=":                   "name at least one of naive, single, unchecked, classic, guarded, broken, unguarded,",
		"run --backend reddis":             `Did you mean "redis"?`,
		"run --nodes 0":                    "--nodes 0: give from 1",
		"run --nodes -3":                   "--nodes -3: give from 1",
		"run --nodes 65":                   "--nodes 65: give from 1 to 64",
		"run --nodes five":                 `invalid argument "five"`,
		"run --nodes 2":                    "--nodes 2 is too few for partition (3), slow-node (3), split-vote (3), clock-jump (3), clock-drift (3), clock-there-and-back (3), slow-clock (3), far-voters-60ms (3), far-voters-200ms (3), crash-amnesia (3)",
		"run control clock-jump --nodes 1": "--nodes 1 is too few for clock-jump (3)",
		"run control lying-disk":           "--backend embedded: its nodes can't have the fault of lying-disk; give --backend redis",
		"chaos --backend embedded --faults evict-all=1": `nodes of the backend embedded can't have the fault "evict-all"`,
		"run --parallel 0":                        "--parallel 0: give from 1",
		"run --timeout 0s":                        "--timeout 0s: give more than 0",
		"run --timeout -1s":                       "--timeout -1s: give more than 0",
		"run --timeout 10":                        `invalid argument "10"`,
		"run --json /does/not/exist/results.json": "--json: open /does/not/exist/results.json",
		"run --html /does/not/exist/page.html":    "--html: open /does/not/exist/page.html",
		"run --html -":                            "--html -: give the name of a file",
		"run --junit /does/not/exist/results.xml": "--junit: open /does/not/exist/results.xml",
		"run --junit -":                           "--junit -: give the name of a file",
		"run --json same.out --html ./same.out":   "--json and --html are one file, same.out; give each its own",
		"run --html same.out --junit same.out":    "--html and --junit are one file, same.out; give each its own",
		"load --json same.out --html same.out":    "--json and --html are one file, same.out; give each its own",
		"judge":                                   "give the file that run --json or chaos --json wrote: redlock-bench judge FILE",
		"judge a b":                               "there are 2 files, and it takes one: redlock-bench judge FILE",
		"worker-check":                            "give the program to check: redlock-bench worker-check COMMAND",
		"run --sead 7":                            "unknown flag: --sead",
		"rnu":                                     `unknown command "rnu"`,
		"list everything":                         `unknown command "everything"`,
		"version 2":                               `unknown command "2"`,
	} {
		t.Run(line, func(t *testing.T) {
			got := bench(t.Context(), strings.Fields(line)...)
			assert.Equal(t, statusUsage, got.status)
			assert.Contains(t, got.errOut, want)
			// The help of the command says nothing about files that can't be opened.
			assert.Equal(t, !strings.Contains(want, ": open "), strings.Contains(got.errOut, "--help."), got.errOut)
			assert.Empty(t, got.out, "nothing was run")
			assert.NotContains(t, got.errOut, "[1/", "nothing was run")
		})
	}
}

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	got := bench(t.Context(), "run", "control", "--subject", "single,naive,single", "--nodes", "1", "--seed", "9", "--json", file)
	require.Zero(t, got.status, got.errOut)
	assert.Contains(t, got.out, "\ncontrol   held    held\n", "in the order asked for, and once")
	assert.Contains(t, got.errOut, "[2/2] control, ", "plain lines where nobody looks")
	assert.NotContains(t, got.out+got.errOut, "\x1b")

	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var r report.Report
	require.NoError(t, json.Unmarshal(data, &r))
	assert.Equal(t, "embedded", r.Backend)
	assert.Equal(t, 1, r.Nodes)
	assert.Equal(t, int64(9), r.Seed)
	require.Len(t, r.Results, 2)
	assert.Equal(t, "single", r.Results[0].Subject)
	assert.True(t, r.Results[0].AsExpected)
}

func TestJSONOnStandardOutput(t *testing.T) {
	got := bench(t.Context(), "run", "control", "--subject", "naive", "--json", "-")
	require.Zero(t, got.status, got.errOut)
	var r report.Report
	require.NoError(t, json.Unmarshal([]byte(got.out), &r), "nothing but JSON")
	assert.Contains(t, got.errOut, "\ncontrol ", "the summary is elsewhere")
}

// Build servers show what fails by its class and name.
func TestJUnit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.xml")
	got := bench(t.Context(), "run", "control", "--subject", "broken,naive", "--junit", file)
	assert.Equal(t, statusUnexpected, got.status)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var r struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Cases    []struct {
				Class   string    `xml:"classname,attr"`
				Name    string    `xml:"name,attr"`
				Time    float64   `xml:"time,attr"`
				Failure *struct{} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(data, &r))
	require.Len(t, r.Suites, 1)
	s := r.Suites[0]
	assert.Equal(t, []int{2, 1, 0}, []int{s.Tests, s.Failures, s.Errors})
	require.Len(t, s.Cases, 2)
	assert.Equal(t, "control broken", s.Cases[0].Class+" "+s.Cases[0].Name)
	assert.NotNil(t, s.Cases[0].Failure)
	assert.Nil(t, s.Cases[1].Failure)
	assert.Positive(t, s.Cases[1].Time)
}

func TestTables(t *testing.T) {
	got := bench(t.Context(), "run", "control", "--subject", "single,naive", "--tables")
	require.Zero(t, got.status, got.errOut)
	assert.Contains(t, got.out, "\ncontrol   0 / -   0 / -\n")
	assert.Contains(t, got.out, "\ncontrol   held    held\n", "and the summary")
}

func TestUnexpectedVerdict(t *testing.T) {
	got := bench(t.Context(), "run", "control", "--subject", "broken")
	assert.Equal(t, statusUnexpected, got.status)
	assert.Contains(t, got.out, "control under broken: violated, expected held")
	assert.Contains(t, got.errOut, "1 of 1 experiment didn't end as expected")
}

func TestUnknownVerdict(t *testing.T) {
	got := bench(t.Context(), "run", "expiry", "--subject", "classic", "--timeout", "300ms")
	assert.Equal(t, statusUnexpected, got.status)
	assert.Contains(t, got.out, "expiry under classic: unknown")
	assert.Contains(t, got.out, "took longer than 300ms; give it more with --timeout")
}

func TestNoRedisServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	got := bench(t.Context(), "run", "control", "--backend", "redis")
	assert.Equal(t, statusEnvironment, got.status)
	assert.Contains(t, got.errOut, "no redis-server found in PATH; install it")
}

func TestCancelledBeforeTheStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := bench(ctx, "run", "control")
	assert.Equal(t, statusInterrupted, got.status)
	assert.Contains(t, got.errOut, "interrupted after 0 of 5 experiments")
}

func TestList(t *testing.T) {
	got := bench(t.Context(), "list")
	require.Zero(t, got.status)
	golden(t, "testdata/list.txt", got.out)
	t.Setenv("COLUMNS", "60")
	for line := range strings.Lines(bench(t.Context(), "list").out) {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 61, line)
	}

	got = bench(t.Context(), "list", "--json")
	require.Zero(t, got.status)
	golden(t, "testdata/list.json", got.out)
}

func TestHelp(t *testing.T) {
	got := bench(t.Context(), "--help")
	require.Zero(t, got.status)
	golden(t, "testdata/help.txt", got.out)
	got = bench(t.Context(), "run", "--help")
	require.Zero(t, got.status)
	golden(t, "testdata/help-run.txt", got.out)
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		got := bench(t.Context(), args...)
		assert.Zero(t, got.status)
		assert.Regexp(t, `^redlock-bench version \S+.* \(go`, got.out)
	}
}

func TestCompletion(t *testing.T) {
	for line, want := range map[string][]string{
		"run c":                 {"control", "clock-jump", "crash-amnesia"},
		"run --backend ":        {"embedded", "redis"},
		"run --subject ":        {"naive", "single", "unchecked", "classic", "guarded"},
		"run --subject naive,s": {"naive,single"},
		"run --subject naive,":  {"naive,single", "naive,unchecked", "naive,classic", "naive,guarded"},
		"run --nodes ":          nil,
		"completion ":           {"bash", "zsh", "fish", "powershell"},
		"run control expiry c":  {"clock-jump", "crash-amnesia"},
	} {
		t.Run(line, func(t *testing.T) {
			got := bench(t.Context(), append([]string{"__complete"}, strings.Split(line, " ")...)...)
			require.Zero(t, got.status)
			var words []string
			for word := range strings.Lines(got.out) {
				word, _, _ = strings.Cut(strings.TrimSpace(word), "\t")
				if word != "" && !strings.HasPrefix(word, ":") {
					words = append(words, word)
				}
			}
			assert.Subset(t, words, want)
			if want == nil {
				assert.Empty(t, words)
			}
		})
	}
	got := bench(t.Context(), "__complete", "run", "control", "expiry", "c")
	assert.NotContains(t, got.out, "control", "it was given already")
	got = bench(t.Context(), "completion", "bash")
	assert.Zero(t, got.status)
	assert.Contains(t, got.out, "__start_redlock-bench")
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"redis", "redis", 0}, {"clasic", "classic", 1}} {
		assert.Equal(t, c.want, editDistance(c.a, c.b), "%q %q", c.a, c.b)
		assert.Equal(t, c.want, editDistance(c.b, c.a), "%q %q", c.b, c.a)
	}
}
