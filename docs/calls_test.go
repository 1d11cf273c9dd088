package docs_test

import (
	"errors"
	"fmt"
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

// checker tells whether a call that a document prints is one that works: that there's such a subcommand, flag, scenario, package or test.
type checker struct {
	t     *testing.T
	bin   string
	calls []string
	words map[string][]string // what redlock-bench completes
}

func newChecker(t *testing.T, ins *standIns) *checker {
	return &checker{t: t, bin: ins.bin, words: make(map[string][]string)}
}

// seen reports whether a call that begins so was checked.
func (c *checker) seen(call string) bool {
	return slices.ContainsFunc(c.calls, func(s string) bool { return strings.HasPrefix(s+" ", call+" ") })
}

// placeholder is what readers put something of their own for.
var placeholder = regexp.MustCompile(`^[A-Z]+(=[A-Z]+)?$`)

func (c *checker) check(call []string) error {
	c.calls = append(c.calls, strings.Join(call, " "))
	if len(call) == 1 {
		return nil
	}
	switch call[0] {
	case "redlock", "redlock-bench":
		return c.own(call[0], call[1:])
	case "go":
		return c.goTool(call[1], call[2:])
	case "make":
		makefile := read(c.t, "Makefile")
		for _, target := range call[1:] {
			if !strings.Contains(makefile, "\n"+target+":") {
				return fmt.Errorf("the Makefile has no %s", target)
			}
		}
	case "npm":
		if len(call) != 4 || call[1] != "ci" || call[2] != "--prefix" {
			return errors.New("it's not npm ci --prefix DIR")
		}
		_, err := os.Stat(filepath.Join(root, call[3], "package-lock.json"))
		return err
	}
	return nil
}

// own checks a call of one of the module's programs: --help reads all flags before it answers.
func (c *checker) own(program string, args []string) error {
	if strings.HasPrefix(args[0], "-") {
		args = append([]string{"--help"}, args...)
	} else {
		words := 1
		if args[0] == "quorum" && len(args) > 1 { // it has commands of its own
			words = 2
		}
		args = slices.Concat(args[:words], []string{"--help"}, args[words:])
	}
	out, err := exec.Command(filepath.Join(c.bin, program), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	// Help for a subcommand that there isn't is help for its parent.
	if !strings.HasPrefix(args[0], "-") && !regexp.MustCompile(`(?m)^  `+program+` `+regexp.QuoteMeta(strings.Join(args[:slices.Index(args, "--help")], " "))+`\b`).Match(out) {
		return fmt.Errorf("%s has no command %s", program, args[0])
	}
	if program != "redlock-bench" || args[0] != "run" {
		return nil
	}
	var extra []string // the subjects that come with --worker
	for i := 2; i < len(args); i++ {
		flag, value, joined := strings.Cut(args[i], "=")
		switch {
		case !strings.HasPrefix(flag, "--"):
			if !placeholder.MatchString(args[i]) && !slices.Contains(c.complete("run", ""), args[i]) {
				return fmt.Errorf("there's no scenario %s", args[i])
			}
			continue
		case flag == "--tables" || flag == "--strict":
			continue
		case !joined:
			i++
			value = args[i]
		}
		switch flag {
		case "--worker":
			name, _, _ := strings.Cut(value, "=")
			extra = append(extra, name)
		case "--subject":
			for name := range strings.SplitSeq(value, ",") {
				known := append(c.complete("run", "--subject", ""), extra...)
				if !slices.Contains(append(known, hiddenSubjects...), name) {
					return fmt.Errorf("there's no subject %s", name)
				}
			}
		case "--backend":
			if !slices.Contains(c.complete("run", "--backend", ""), value) {
				return fmt.Errorf("there's no backend %s", value)
			}
		}
	}
	return nil
}

// hiddenSubjects are judged where they're asked for, and not completed.
var hiddenSubjects = []string{"unguarded", "flawed-litter"}

// complete returns what redlock-bench offers to complete a command line with.
func (c *checker) complete(args ...string) []string {
	key := strings.Join(args, " ")
	if c.words[key] == nil {
		out, err := exec.Command(filepath.Join(c.bin, "redlock-bench"), append([]string{"__complete"}, args...)...).Output()
		require.NoError(c.t, err)
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			c.words[key] = append(c.words[key], word)
		}
	}
	return c.words[key]
}

// What a document prints in a sentence is checked like what it prints in a block.
var inText = regexp.MustCompile("`((?:redlock|redlock-bench|bin/redlock-bench|go (?:test|run|build|install|get)|make|npm|\\.ci/run) [^`]+|--?[a-z][^`]*)`")

// proseCalls returns the code of a document's sentences and tables that looks like a call, and the flags that stand alone.
func proseCalls(t *testing.T, file string) (calls, flags []string) {
	for paragraph := range strings.SplitSeq(fenced.ReplaceAllString(read(t, file), ""), "\n\n") {
		for _, m := range inText.FindAllStringSubmatch(paragraph, -1) {
			code := strings.ReplaceAll(strings.Join(strings.Fields(m[1]), " "), `\|`, "|")
			if strings.HasPrefix(code, "-") {
				flags = append(flags, code)
			} else {
				calls = append(calls, strings.TrimPrefix(code, "bin/"))
			}
		}
	}
	return calls, flags
}

// othersFlags are flags of other programs that the documents speak of.
var othersFlags = map[string]string{
	"-race": "go test", "-explore.full": "go test",
}

func TestCallsInText(t *testing.T) {
	ins := newStandIns(t)
	c := newChecker(t, ins)
	known := c.flags()
	calls := 0
	for _, file := range documents(t) {
		inText, flags := proseCalls(t, file)
		for _, code := range inText {
			calls++
			cmd := exec.Command("bash", "-c", code)
			cmd.Env = ins.environment("DOCUMENTS_CHECK_ONLY=1")
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if !assert.NoError(t, err, "%s: `%s`: %s", file, code, out) {
				continue
			}
			for _, call := range ins.taken(t) {
				assert.NoError(t, c.check(call), "%s: `%s`", file, code)
			}
		}
		for _, f := range flags {
			for _, word := range strings.Fields(f) {
				flag, _, _ := strings.Cut(word, "=")
				if len(flag) > 1 && strings.HasPrefix(flag, "-") && othersFlags[flag] == "" {
					assert.True(t, known[flag], "%s: `%s`: no command has %s", file, f, flag)
				}
			}
		}
	}
	assert.Greater(t, calls, 50)
}

// flags returns those of all commands.
func (c *checker) flags() map[string]bool {
	all := make(map[string]bool)
	subcommand := regexp.MustCompile(`(?m)^  ([a-z-]+) +[A-Z]`)
	flag := regexp.MustCompile(`(?m)^ +(?:(-\w), )?(--[a-z-]+)`)
	for _, program := range []string{"redlock", "redlock-bench"} {
		help := func(args ...string) string {
			out, err := exec.Command(filepath.Join(c.bin, program), append(args, "--help")...).Output()
			require.NoError(c.t, err)
			return string(out)
		}
		texts := []string{help()}
		_, list, _ := strings.Cut(texts[0], "Available Commands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for _, m := range subcommand.FindAllStringSubmatch(list, -1) {
			text := help(m[1])
			texts = append(texts, text)
			_, own, _ := strings.Cut(text, "Available Commands:\n")
			own, _, _ = strings.Cut(own, "\n\n")
			for _, sub := range subcommand.FindAllStringSubmatch(own, -1) {
				texts = append(texts, help(m[1], sub[1]))
			}
		}
		for _, text := range texts {
			for _, m := range flag.FindAllStringSubmatch(text, -1) {
				all[m[1]], all[m[2]] = true, true
			}
		}
	}
	return all
}

// The checks above can fail.
func TestWrongCallsAreFound(t *testing.T) {
	ins := newStandIns(t)
	c := newChecker(t, ins)
	for _, call := range []string{
		"redlock-bench run --sujbect guarded",
		"redlock-bench run clock-jmup",
		"redlock-bench run clock-jump --subject guraded",
		"redlock-bench run --backend reddis",
		"redlock-bench run --nodes five",
		"redlock-bench jugde FILE",
		"redlock exec -q hello -- true",
		"redlock exec --wait soon hello -- true",
		"go run ./cmd/redlock-bench run --html",
		"go run ./cmd/redlock-bnech run",
		"go install " + module + "/cmd/redlok@latest",
		"go install " + module + "/redlock@latest",
		"go install example.com/cmd/redlock@latest",
		"go get " + module + "s",
		"go build -C cmd/redlock-pears .",
		"go test ./redlock -run TestThatNobodyWrote",
		"go test ./redlock -run TestSimulation|TestThatNobodyWrote",
		"go test ./redlock -run TestSimulation -sim.sedes=5",
		"go test ./redlok",
		"go test -racy ./redlock",
		"make matrixx",
		"npm ci --prefix cmd/redlock-peers",
	} {
		assert.Error(t, c.check(strings.Fields(call)), call)
	}
}
