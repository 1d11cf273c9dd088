package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The documents' shell is run as it's printed: the blocks of a chapter one after the other, by one bash, in a directory of its own.
// A command has to end with status 0, or with the one that its comment names ("# exit status 75"). Only the servers' addresses are
// replaced: port 7001 by a free one, and 10.0.0.1:6379 by a server of the test's.
//
// Between bash and the commands there are stand-ins. They write down what they're called with, and then call the command, unless it's in
// notRun. All calls are checked: those that aren't run, and those in the text ("`redlock show NAME`"), too.
//
// A comment before a block says what the page takes for granted: <!-- given: CODE -->, and what has to be in the output:
// <!-- prints: TEXT -->.

// notRun are the calls that are checked only, by how they begin, with the reason.
var notRun = []struct{ call, why string }{
	{"redlock-bench run", "the experiments take minutes; CI runs them all"},
	{"redlock-bench chaos", "it takes minutes; its own tests run it, and for a shorter time"},
	{"redlock-bench load", "it takes minutes; TestDocumentedLoads reads the flags' values"},
	{"redlock-bench worker-check", "the worker is the reader's; CI checks those of this tree"},
	{"redlock man", "it would write where the machine keeps its pages; the command's own test runs it"},
	{"redlock break", "the token is a placeholder; the command's own test runs it"},
	{"go install", "the module proxy has the last release, and not this tree"},
	{"go get", "the module proxy has the last release, and not this tree"},
	{"go run", "CI runs the experiments; TestSnippets runs the programs of the documents"},
	{"go build", "CI builds it, in its module"},
	{"go test", "this is one of the tests"},
	{"ci", "this is one of its steps"},
	{"npm ci", "it loads packages; CI does it where the tests need them"},
	{"psql", "the database is the reader's"},
	{"redlock exec -n nightly", "the program is the reader's"},
}

// run are calls that are run though notRun has their like.
var run = []string{
	"redlock-bench run clock-jump --subject classic,guarded --html report.html",
}

// standIns is a directory of them, first in PATH.
type standIns struct {
	dir, calls string
	bin        string // has the programs that are built for the test
}

// standIn records what it's called with, and calls the real program where it may. Each call ends with a NUL more.
const standIn = `#!/bin/bash
{ printf '%%s\0' %[1]q "$@"; printf '\0'; } >> %[2]q
[ -z "$DOCUMENTS_CHECK_ONLY" ] || exit 0
call="%[1]s $*"
case "$call " in
%[3]s) ;;
%[4]s) exit 0 ;;
esac
exec %[5]s "$@"
`

func newStandIns(t *testing.T) *standIns {
	t.Helper()
	s := &standIns{dir: t.TempDir(), bin: t.TempDir()}
	s.calls = filepath.Join(s.dir, "calls")
	build := exec.Command("go", "build", "-o", s.bin+string(filepath.Separator), "./cmd/redlock", "./cmd/redlock-bench")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	s.add(t, "redlock", filepath.Join(s.bin, "redlock"))
	s.add(t, "redlock-bench", filepath.Join(s.bin, "redlock-bench"))
	for _, name := range []string{"go", "npm", "make", "psql", "ci", "CMD"} {
		real, err := exec.LookPath(name)
		if err != nil {
			real = "true" // it's a placeholder, or checked only
		}
		s.add(t, name, real)
	}
	return s
}

// add makes the stand-in of one program.
func (s *standIns) add(t *testing.T, name, real string) {
	t.Helper()
	pattern := func(call string) string { return strings.ReplaceAll(call, " ", `\ `) + `\ *` }
	var yes, no []string
	for _, call := range run {
		yes = append(yes, pattern(call))
	}
	for _, n := range notRun {
		no = append(no, pattern(n.call))
	}
	script := fmt.Sprintf(standIn, name, s.calls, strings.Join(yes, "|"), strings.Join(no, "|"), real)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), []byte(script), 0o755))
}

// taken returns the calls since the last time.
func (s *standIns) taken(t *testing.T) (calls [][]string) {
	t.Helper()
	data, err := os.ReadFile(s.calls)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	require.NoError(t, os.Remove(s.calls))
	for call := range strings.SplitSeq(strings.TrimSuffix(string(data), "\x00\x00"), "\x00\x00") {
		calls = append(calls, strings.Split(call, "\x00"))
	}
	return calls
}

// environment is what the documents' shell finds.
func (s *standIns) environment(more ...string) []string {
	return append(os.Environ(), append(more, "PATH="+s.dir+string(filepath.ListSeparator)+os.Getenv("PATH"))...)
}

// session is the shell of a chapter.
type session struct {
	file    string
	line    int
	blocks  []block
	servers map[string]string // how the documents call them -> where they are
	ports   map[string]string
	named   map[string]bool // of the ports, those that the chapter has
}

// sessions returns those of a document.
func sessions(t *testing.T, file string) (all []*session) {
	t.Helper()
	lines := strings.Split(read(t, file), "\n")
	chapter := -1
	for _, b := range blocks(t, file, "sh") {
		begin := 0
		for i := b.line - 1; i >= 0 && begin == 0; i-- {
			if strings.HasPrefix(lines[i], "## ") {
				begin = i
			}
		}
		if len(all) == 0 || begin != chapter {
			all = append(all, &session{file: file, line: b.line})
			chapter = begin
		}
		all[len(all)-1].blocks = append(all[len(all)-1].blocks, b)
	}
	return all
}

var (
	examplePort    = regexp.MustCompile(`\b700[1-5]\b`)
	exampleAddress = regexp.MustCompile(`\b10\.0\.0\.[1-3]:6379\b`)
	exitStatus     = regexp.MustCompile(`# exit status (\d+)`)
)

// replace puts the test's servers into the documents' shell.
func (s *session) replace(code string) string {
	code = exampleAddress.ReplaceAllStringFunc(code, func(a string) string { return s.servers[a] })
	return examplePort.ReplaceAllStringFunc(code, func(p string) string {
		if s.named == nil {
			s.named = make(map[string]bool)
		}
		s.named[p] = true
		return s.ports[p]
	})
}

// commands cuts shell into what bash reads at once.
func commands(t *testing.T, code string) (all []string) {
	t.Helper()
	part := ""
	for line := range strings.Lines(code) {
		part += line
		check := exec.Command("bash", "-n")
		check.Stdin = strings.NewReader(part)
		if check.Run() == nil {
			all = append(all, part)
			part = ""
		}
	}
	require.Empty(t, part, "bash doesn't understand it")
	return all
}

// freePorts gives each of the documents' ports a free one.
func freePorts(t *testing.T) map[string]string {
	ports := make(map[string]string)
	for i := 1; i <= 5; i++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close() // all at once, or one would be given twice
		ports["700"+strconv.Itoa(i)] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func TestShell(t *testing.T) {
	t.Parallel() // most of its time is waiting
	for _, program := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(program); err != nil {
			require.Empty(t, os.Getenv("REDLOCK_REQUIRE_REDIS"), "%v", err)
			t.Skip(err)
		}
	}
	ins := newStandIns(t)
	c := newChecker(t, ins)
	nodes := startNodes(t)
	servers := make(map[string]string)
	for i, url := range nodes {
		servers[fmt.Sprintf("10.0.0.%d:6379", i+1)] = strings.TrimPrefix(url, "redis://")
	}
	calls, all, ran := 0, 0, 0
	for _, file := range documents(t) {
		for _, s := range sessions(t, file) {
			all++
			s.servers, s.ports = servers, freePorts(t)
			t.Run(fmt.Sprintf("%s:%d", s.file, s.line), func(t *testing.T) {
				ran++
				s.run(t, ins, nodes)
				for _, call := range ins.taken(t) {
					calls++
					assert.NoError(t, c.check(call), "%q", call)
				}
			})
		}
	}
	if ran < all {
		return // -run has chosen some
	}
	assert.Greater(t, calls, 50)
	for _, n := range notRun {
		assert.True(t, c.seen(n.call), "no document calls %q any more: take it out of notRun", n.call)
	}
}

// run runs the chapter, and holds each command to its exit status.
func (s *session) run(t *testing.T, ins *standIns, nodes []string) {
	dir := t.TempDir()
	t.Cleanup(func() { s.stopServers(t) })
	for file, name := range map[string]string{".ci/run": "ci", "bin/redlock-bench": "redlock-bench"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755))
		require.NoError(t, os.Symlink(filepath.Join(ins.dir, name), filepath.Join(dir, file)))
	}
	var script strings.Builder
	want := make(map[string]string)
	for _, b := range s.blocks {
		for _, given := range b.note("given") {
			script.WriteString(s.replace(given) + "\n")
		}
		n := b.line
		for _, part := range commands(t, b.code) {
			id := fmt.Sprintf("%s:%d", b.file, n)
			n += strings.Count(part, "\n")
			want[id] = "0"
			if m := exitStatus.FindStringSubmatch(part); m != nil {
				want[id] = m[1]
			}
			fmt.Fprintf(&script, "echo '== %s'\n%s\necho \"%s $?\" >&3\n", id, strings.TrimSuffix(s.replace(part), "\n"), id)
		}
	}
	statuses := filepath.Join(dir, "statuses")
	output := s.bash(t, dir, script.String(), statuses, ins.environment("REDLOCK_NODES="+strings.Join(nodes, ",")))
	got := make(map[string]string)
	text, err := os.ReadFile(statuses)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		id, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		got[id] = status
	}
	assert.Equal(t, want, got, "exit statuses; the output was:\n%s", output)
	for _, b := range s.blocks {
		for _, text := range b.note("prints") {
			assert.Contains(t, output, text, "%s:%d", b.file, b.line)
		}
	}
}

// bash returns what a script prints. Servers that it leaves in the background must not be waited for.
func (s *session) bash(t *testing.T, dir, script, statuses string, environment []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", "exec 3>>"+statuses+"\n"+script)
	cmd.Dir, cmd.Env = dir, environment
	file, err := os.Create(filepath.Join(dir, "output"))
	require.NoError(t, err)
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file // not a pipe, which the servers would keep open
	err = cmd.Run()
	require.NoError(t, ctx.Err(), "it took too long")
	_ = err // the last command's status, which is judged with the others
	_, err = file.Seek(0, io.SeekStart)
	require.NoError(t, err)
	var all bytes.Buffer
	_, err = all.ReadFrom(file)
	require.NoError(t, err)
	return all.String()
}

// stopServers ends what a chapter has left running.
func (s *session) stopServers(t *testing.T) {
	for name, conn := range s.running() {
		t.Errorf("the page leaves a server running on port %s", name)
		_, _ = conn.Write([]byte("SHUTDOWN NOSAVE\r\n"))
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, _ = conn.Read(make([]byte, 1)) // until it's gone
		_ = conn.Close()
	}
}

// running returns connections to the servers at the chapter's ports. Those that it doesn't name were free when they were chosen, and
// may be another program's by now.
func (s *session) running() map[string]net.Conn {
	conns := make(map[string]net.Conn)
	for name := range s.named {
		if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+s.ports[name], time.Second); err == nil {
			conns[name] = conn
		}
	}
	return conns
}

// A port that the chapter doesn't name may belong to a server of another test.
func TestShellLeavesOthersServersAlone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	s := &session{ports: map[string]string{"7001": port, "7004": port}}
	require.Equal(t, "redis-cli -p "+port+" ping", s.replace("redis-cli -p 7001 ping"))
	conns := s.running()
	for _, conn := range conns {
		require.NoError(t, conn.Close())
	}
	assert.Len(t, conns, 1)
	assert.Contains(t, conns, "7001")
}
