package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/doctor"
	"github.com/a5bbb083/redlock/cmd/redlock/internal/inspect"
)

// shown is what show --json says.
func shown(t *testing.T, urls, name string) inspect.Lock {
	t.Helper()
	p := runs(t, "show", "--nodes", urls, "--json", name)
	require.Zero(t, p.status(), "%s", &p.errOut)
	var l inspect.Lock
	require.NoError(t, json.Unmarshal([]byte(p.out.String()), &l))
	return l
}

func token(t *testing.T, urls, name string) string {
	t.Helper()
	l := shown(t, urls, name)
	require.Equal(t, inspect.Held, l.State, "%+v", l)
	return l.Token
}

func TestShow(t *testing.T) {
	c, urls := startVoters(t, 3)
	assert.Equal(t, inspect.Free, shown(t, urls, "job").State)
	release := hold(t, urls, "job")
	l := shown(t, urls, "job")
	assert.Equal(t, "job", l.Name)
	assert.Equal(t, inspect.Held, l.State)
	assert.Len(t, l.Token, 32)
	assert.Regexp(t, `^\S.* pid \d+$`, l.Owner)
	assert.Positive(t, l.Fence)
	assert.InDelta(t, 10_000, *l.RemainingMS, 4000)
	require.Len(t, l.Voters, 3)
	assert.Equal(t, l.Token, l.Voters[0].Token)
	p := runs(t, "show", "--nodes", urls, "job")
	assert.Zero(t, p.status())
	assert.Contains(t, p.out.String(), `job: held by "`+l.Owner+`" with token `+l.Token+", fencing token ")
	assert.Equal(t, 3, strings.Count(p.out.String(), "  held  "), "%s", &p.out)
	assert.NotContains(t, p.out.String(), "\x1b")

	pauseAll(t, c.Nodes()[:1])
	p = runs(t, "show", "--nodes", urls, "--timeout", "300ms", "job")
	assert.Zero(t, p.status())
	assert.Contains(t, p.out.String(), `job: held by "`+l.Owner+`" with token `+l.Token)
	assert.Contains(t, p.out.String(), c.Node(0).Addr()+"  no answer  ")
	assert.Contains(t, p.out.String(), "\n"+c.Node(0).Addr()+": it didn't answer in time")
	pauseAll(t, c.Nodes()[1:2])
	p = runs(t, "show", "--nodes", urls, "--timeout", "300ms", "--json", "job")
	assert.Equal(t, statusNoQuorum, p.status())
	assert.Contains(t, p.errOut.String(), `too few of 3 servers answered to tell who holds "job"`)
	assert.Contains(t, p.out.String(), `"state": "no answer"`)
	for _, n := range c.Nodes()[:2] {
		_, err := n.Resume(t.Context())
		require.NoError(t, err)
	}
	release()
	assertFree(t, urls, "job")
}

// A lock that was lost early by one server's clock is still one by its record; other data isn't.
func TestShowReadsRecords(t *testing.T) {
	c, urls := startVoters(t, 3)
	hold(t, urls, "gone")
	set := func(nodes int, args ...any) {
		for _, n := range c.Nodes()[:nodes] {
			_, err := n.Command(t.Context(), args...)
			require.NoError(t, err)
		}
	}
	set(1, "SET", "plain", "a b", "PX", 60000)
	assert.Equal(t, inspect.Free, shown(t, urls, "plain").State, "a minority is nobody")
	set(2, "SET", "plain", "a b", "PX", 60000)
	l := shown(t, urls, "plain")
	assert.Equal(t, inspect.Held, l.State)
	assert.Zero(t, l.Fence)
	assert.Contains(t, runs(t, "show", "--nodes", urls, "plain").out.String(), `plain: held with token "a b", for another`)

	set(3, "SET", "split", "x", "PX", 60000)
	set(1, "SET", "split", "y", "PX", 60000)
	set(2, "SET", "job:fence", "5 tok 9999999999999999", "PX", 60000)
	assert.Equal(t, "tok", token(t, urls, "job"))
	assert.Equal(t, int64(5), shown(t, urls, "job").Fence)
	set(2, "SET", "job:fence", "6 tok2 9999999999999999 web-1 pid 7", "PX", 60000)
	assert.Equal(t, "tok2", token(t, urls, "job"))
	assert.Equal(t, "web-1 pid 7", shown(t, urls, "job").Owner)
	assert.Contains(t, runs(t, "show", "--nodes", urls, "job").out.String(), `job: held by "web-1 pid 7" with token tok2`)
	set(2, "SET", "job:fence", "5 tok -", "PX", 60000)
	assert.Equal(t, inspect.Free, shown(t, urls, "job").State)

	set(3, "SET", "forever", "data")
	l = shown(t, urls, "forever")
	assert.Contains(t, l.Voters[0].Error, "no TTL")
	set(3, "HSET", "hash", "a", "b")
	p := runs(t, "show", "--nodes", urls, "hash")
	assert.Equal(t, statusNoQuorum, p.status())
	assert.Contains(t, p.out.String(), "WRONGTYPE")
}

func TestList(t *testing.T) {
	c, urls := startVoters(t, 3)
	p := runs(t, "ls", "--nodes", urls, "")
	assert.Zero(t, p.status())
	assert.Empty(t, p.out.String())
	for _, n := range c.Nodes() {
		for _, args := range [][]any{{"SET", "deploy:config", "data"}, {"HSET", "deploy:hash", "a", "b"}, {"SET", "deploy:free:fence", "5 tok -"}, {"SET", "deploys", "t", "PX", 60000}, {"SET", "deploy:other:fenced", "data"}} {
			_, err := n.Command(t.Context(), args...)
			require.NoError(t, err)
		}
	}
	hold(t, urls, "deploy:web")
	hold(t, urls, "deploy:*[a]?")
	list := func(args ...string) []string {
		p := runs(t, append([]string{"ls", "--nodes", urls, "--json"}, args...)...)
		require.Zero(t, p.status(), "%s", &p.errOut)
		var all []inspect.Lock
		require.NoError(t, json.Unmarshal([]byte(p.out.String()), &all))
		names := []string{}
		for _, l := range all {
			names = append(names, l.Name)
		}
		return names
	}
	assert.Equal(t, []string{"deploy:*[a]?", "deploy:web"}, list("deploy:"))
	assert.Equal(t, []string{"deploy:*[a]?"}, list("deploy:*"))
	assert.Equal(t, []string{"deploy:*[a]?", "deploy:web", "deploys"}, list(""))
	assert.Empty(t, list("nothing"))
	p = runs(t, "ls", "--nodes", urls, "deploy:web")
	assert.Regexp(t, `(?m)^deploy:web +held +"[^"]+" +[0-9a-f]{32} +\d+ +\d`, p.out.String())

	_, err := c.Node(0).Kill(t.Context())
	require.NoError(t, err)
	p = runs(t, "ls", "--nodes", urls, "deploy:web")
	assert.Zero(t, p.status())
	assert.Contains(t, p.out.String(), "deploy:web  held")
	assert.Contains(t, p.errOut.String(), "a minority of the servers wasn't asked: "+c.Node(0).Addr())
	_, err = c.Node(1).Kill(t.Context())
	require.NoError(t, err)
	assert.Equal(t, statusNoQuorum, runs(t, "ls", "--nodes", urls, "deploy:web").status())
}

func TestBreak(t *testing.T) {
	c, urls := startVoters(t, 3)
	hold(t, urls, "job")
	held := token(t, urls, "job")

	p := runs(t, "break", "--nodes", urls, "job", "--token", held)
	assert.Equal(t, 2, p.status())
	assert.Contains(t, p.errOut.String(), "standard input is no terminal; give --yes")
	p = runs(t, "break", "--nodes", urls, "job", "--yes")
	assert.Equal(t, 2, p.status())
	assert.Contains(t, p.errOut.String(), "redlock show job tells it")
	p = runs(t, "break", "--nodes", urls, "job", "--token", "another", "--yes", "--json")
	assert.Equal(t, statusRefused, p.status())
	assert.Contains(t, p.errOut.String(), `no server has a lock on "job" with token another`)
	assert.JSONEq(t, `{"name": "job", "token": "another", "broken": false}`, p.out.String())
	assert.Equal(t, held, token(t, urls, "job"))

	p = runs(t, "break", "--nodes", urls, "job", "--token", held, "--yes")
	assert.Zero(t, p.status(), "%s", &p.errOut)
	assert.Equal(t, "job: broken\n", p.out.String())
	assertFree(t, urls, "job")

	pauseAll(t, c.Nodes()[:2])
	p = runs(t, "break", "--nodes", urls, "--timeout", "200ms", "job", "--token", held, "--yes")
	assert.Equal(t, statusNoQuorum, p.status(), "%s", &p.errOut)
}

func TestUsageErrors(t *testing.T) {
	for line, want := range map[string]string{
		"show":                                "show: name the lock: redlock show NAME",
		"show a b":                            "show: there are 2 names, and it takes one: redlock show NAME",
		"show job":                            "--nodes: give the URL of each server",
		"show --timeout 0s job":               "--timeout 0s: give from 1ms to 1m",
		"show --nodes redis://:secret@a:x j":  "URL 1 can't be read",
		"ls":                                  "ls: give the beginning of the locks' names, '' for all: redlock ls PREFIX",
		"break":                               "break: name the lock: redlock break NAME",
		"break job":                           "--token: give that of the lock",
		"shwo job":                            `unknown command "shwo"`,
		"doctor --nodes redis://:secret@a: x": "doctor takes no arguments",
	} {
		t.Run(line, func(t *testing.T) {
			p := runs(t, strings.Fields(line)...)
			assert.Equal(t, 2, p.status())
			assert.Contains(t, p.errOut.String(), want)
			help := "redlock --help"
			if command, _, _ := strings.Cut(line, " "); command != "shwo" {
				help = "redlock " + command + " --help"
			}
			assert.Contains(t, p.errOut.String(), "See "+help+".")
			assert.NotContains(t, p.errOut.String(), "secret")
		})
	}
}

func TestDoctor(t *testing.T) {
	_, urls := startVoters(t, 3)
	p := command(t, "doctor", "--duration", "200ms", "--timeout", "10s", "--json")
	p.Env = append(p.Env, "REDLOCK_NODES="+urls)
	require.Zero(t, p.start().status(), "%s", &p.errOut)
	var r doctor.Report
	require.NoError(t, json.Unmarshal([]byte(p.out.String()), &r))
	assert.True(t, r.Fit)
	assert.NotContains(t, p.errOut.String(), "reachable", "the report isn't printed twice")
}

// The library's remedies are options of Go. Here they are flags, or there's none.
func TestRemediesAreFlags(t *testing.T) {
	c, urls := startVoters(t, 3)
	pauseAll(t, c.Nodes()[:2])
	for line, want := range map[string]string{
		"show --timeout 200ms job": "raise --timeout",
		"ls --timeout 200ms job":   "",
		"exec -n job -- true":      "it didn't answer in time",
	} {
		args := strings.Fields(line)
		p := runs(t, append([]string{args[0], "--nodes", urls}, args[1:]...)...)
		assert.Equal(t, statusNoQuorum, p.status(), line)
		said := p.out.String() + p.errOut.String()
		assert.Contains(t, said, want, line)
		assert.NotContains(t, said, "WithNodeTimeout", line)
	}
}

// Standard output belongs to the command, so exec says where else to look.
func TestExecHasNoJSON(t *testing.T) {
	for _, args := range [][]string{{"exec", "--json", "job", "--", "true"}, {"exec", "job", "--json", "--", "true"}} {
		p := runs(t, args...)
		assert.Equal(t, statusOwn, p.status())
		assert.Contains(t, p.errOut.String(), "exec has no --json, since standard output is the command's")
		assert.Contains(t, p.errOut.String(), "redlock show NAME --json")
	}
	p := runs(t, "exec", "job", "--", "true", "--json")
	assert.NotContains(t, p.errOut.String(), "exec has no --json", "that one is the command's")
}

var update = flag.Bool("update", false, "write the golden files anew")

// The help is the reference: a change of it is a change for scripts.
func TestHelp(t *testing.T) {
	for _, name := range []string{"", "exec", "show", "ls", "break", "quorum", "quorum status", "quorum init", "quorum change"} {
		file := filepath.Join("testdata", strings.TrimSuffix("help-"+strings.ReplaceAll(name, " ", "-"), "-")+".txt")
		got := runs(t, strings.Fields(name+" --help")...).out.String()
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), got)
	}
}

func TestManual(t *testing.T) {
	dir := t.TempDir()
	require.Zero(t, runs(t, "man", dir).status())
	page, err := os.ReadFile(filepath.Join(dir, "redlock-exec.1"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "--kill-after")
	assert.FileExists(t, filepath.Join(dir, "redlock.1"))
	assert.NoFileExists(t, filepath.Join(dir, "redlock-man.1"))
	p := runs(t, "man", "/no/such/dir")
	assert.Equal(t, 2, p.status())
	assert.Contains(t, p.errOut.String(), "give a directory that exists")
	assert.NotContains(t, runs(t, "--help").out.String(), "  man ")

	p = runs(t, "completion", "bash")
	assert.Zero(t, p.status())
	assert.Contains(t, p.out.String(), "__start_redlock")
	assert.Contains(t, runs(t, "__complete", "s").out.String(), "show")
	assert.Regexp(t, `^redlock version \S+.* \(go`, runs(t, "version").out.String())
}
