package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What documents say of go test, go run and their like: packages, programs and tests are there.

// goFlags are those of the go tool that the documents use; with true, one that has a value.
var goFlags = map[string]bool{
	"-run": true, "-tags": true, "-timeout": true, "-fuzz": true, "-bench": true, "-C": true, "-o": true, "-skip": true, "-count": true,
	"-v": false, "-race": false,
}

// goTool checks a call of go.
func (c *checker) goTool(command string, args []string) error {
	values := make(map[string]string)
	dir := root
	var packages, own []string
	for len(args) > 0 {
		flag, value, joined := strings.Cut(args[0], "=")
		valued, known := goFlags[flag]
		switch {
		case !strings.HasPrefix(flag, "-"):
			packages = append(packages, flag)
		case !known && command == "test" && (strings.Contains(flag, ".") || flag == "-update"):
			own = append(own, strings.TrimPrefix(flag, "-"))
		case !known:
			return fmt.Errorf("go %s %s isn't known here", command, flag)
		case valued && !joined:
			if len(args) < 2 {
				return fmt.Errorf("%s needs a value", flag)
			}
			value, args = args[1], args[1:]
		}
		values[flag] = value
		args = args[1:]
		if command == "run" && len(packages) == 1 {
			break // the rest is the program's
		}
	}
	if d, is := values["-C"]; is {
		dir = filepath.Join(root, d)
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			return err
		}
	}
	switch command {
	case "mod", "env":
		return nil
	case "get":
		for _, p := range packages {
			if p, _, _ = strings.Cut(p, "@"); p != module && !regexp.MustCompile(`(?m)^\s*`+regexp.QuoteMeta(p)+` v`).MatchString(read(c.t, "go.mod")) {
				return fmt.Errorf("%s isn't this module", p)
			}
		}
		return nil
	case "run", "build", "install":
		for _, p := range packages {
			if err := isProgram(dir, p); err != nil {
				return err
			}
		}
		if command == "run" {
			if name := filepath.Base(packages[0]); len(args) > 0 && (name == "redlock" || name == "redlock-bench") {
				return c.own(name, args)
			}
		}
		return nil
	case "test":
		return testsExist(dir, packages, values, own)
	}
	return fmt.Errorf("go %s isn't known here", command)
}

// isProgram looks for a package main at a package path, or at a directory.
func isProgram(dir, p string) error {
	p, _, _ = strings.Cut(p, "@")
	if p == "." && dir == root {
		return nil // the reader's own
	}
	rest, ours := strings.CutPrefix(p, module+"/")
	if !ours && !strings.HasPrefix(p, ".") {
		return fmt.Errorf("%s isn't in this module", p)
	}
	files, err := parse(filepath.Join(dir, filepath.FromSlash(rest)), false)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Name.Name != "main" {
			return fmt.Errorf("%s is no program", p)
		}
	}
	return nil
}

// parse returns a directory's files, or its tests.
func parse(dir string, tests bool) (files []*ast.File, err error) {
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range all {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there's no Go in %s", dir)
	}
	return files, err
}

func parseFile(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(file)), nil, 0)
	require.NoError(t, err)
	return f
}

// testsExist looks for what -run, -fuzz and -bench name, and for the flags that the tests define.
func testsExist(dir string, packages []string, values map[string]string, own []string) error {
	names := make(map[string]bool)
	source := ""
	for _, p := range packages {
		if strings.HasSuffix(p, "...") {
			continue
		}
		files, err := parse(filepath.Join(dir, filepath.FromSlash(p)), true)
		if err != nil {
			return err
		}
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, is := d.(*ast.FuncDecl); is && fn.Recv == nil {
					names[fn.Name.Name] = true
				}
			}
		}
		all, _ := filepath.Glob(filepath.Join(dir, filepath.FromSlash(p), "*_test.go"))
		for _, file := range all {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			source += string(text)
		}
	}
	for _, flag := range own {
		if !strings.Contains(source, `("`+flag+`",`) {
			return fmt.Errorf("no test of %v has a flag -%s", packages, flag)
		}
	}
	for flag, kinds := range map[string]string{"-run": "Test|Example|Fuzz", "-fuzz": "Fuzz", "-bench": "Benchmark"} {
		pattern, is := values[flag]
		if !is || pattern == "^$" {
			continue
		}
		whole, err := regexp.Compile(pattern)
		if err != nil {
			return err
		}
		kind := regexp.MustCompile("^(" + kinds + ")")
		// Each alternative has to be there, or one of two that are gone would hide.
		alternatives := strings.Split(strings.Trim(pattern, "()"), "|")
		if strings.ContainsAny(pattern, "()") {
			alternatives = []string{pattern}
		}
		for _, a := range alternatives {
			re := regexp.MustCompile(a)
			found := false
			for name := range names {
				found = found || kind.MatchString(name) && re.MatchString(name) && whole.MatchString(name)
			}
			if !found && len(names) > 0 {
				return fmt.Errorf("%v have no test that %s %s would run", packages, flag, a)
			}
		}
	}
	return nil
}
