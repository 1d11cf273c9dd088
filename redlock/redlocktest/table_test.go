package redlocktest

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testdata/conformance.txt holds what a real server answers; see its head for the format.
const tableFile = "testdata/conformance.txt"

var updateTable = flag.Bool("conformance.update", false, "write what a redis-server and the embedded node answer into "+tableFile)

// row is a command of the table, and what is answered to it.
type row struct {
	line     int // in the file
	text     string
	args     []string
	real     string
	embedded string // if it's another one
}

// section is some commands in a row, on one connection to an empty server.
type section struct {
	name string
	rows []*row
}

func TestConformanceTable(t *testing.T) {
	sections := readTable(t)
	if *updateTable {
		record(t, sections)
	}
	t.Run("embedded", func(t *testing.T) {
		compare(t, sections, embeddedDialer(t), func(r *row) string {
			if r.embedded != "" {
				return r.embedded
			}
			return r.real
		})
	})
	t.Run("redis-server", func(t *testing.T) {
		compare(t, sections, realDialer(t), func(r *row) string { return r.real })
	})
}

// A difference that is none is a mistake of the table.
func TestConformanceTableListsRealDifferences(t *testing.T) {
	rows, differ := 0, 0
	for _, s := range readTable(t) {
		for _, r := range s.rows {
			rows++
			if r.embedded != "" {
				differ++
				assert.NotEqual(t, r.real, r.embedded, "line %d", r.line)
			}
		}
	}
	t.Logf("%d commands, %d of them answered otherwise", rows, differ)
	require.Greater(t, rows, 250)
}

func embeddedDialer(t *testing.T) func(*testing.T) net.Conn {
	l := New(t, 1).Member("").Link(0)
	return func(t *testing.T) net.Conn {
		conn, err := l.dial(t.Context(), "", "")
		require.NoError(t, err)
		return conn
	}
}

func realDialer(t *testing.T) func(*testing.T) net.Conn {
	s := startRedis(t)
	return func(t *testing.T) net.Conn {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr)
		require.NoError(t, err)
		return conn
	}
}

// compare runs each section twice: as it's written, and with each EVAL as an EVALSHA.
func compare(t *testing.T, sections []section, dial func(*testing.T) net.Conn, want func(*row) string) {
	for _, s := range sections {
		for _, byHash := range []bool{false, true} {
			name := s.name
			if byHash {
				name += " by hash"
			}
			t.Run(name, func(t *testing.T) {
				w, loader := newWire(t, dial(t)), newWire(t, dial(t))
				for _, r := range s.rows {
					assert.Equal(t, want(r), w.answer(r.args, byHash, loader), "line %d: %s", r.line, r.text)
				}
			})
		}
	}
}

// wire speaks RESP without a client library in between.
type wire struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func newWire(t *testing.T, conn net.Conn) *wire {
	t.Cleanup(func() { _ = conn.Close() })
	w := &wire{t, conn, bufio.NewReader(conn)}
	require.Equal(t, "+OK", w.ask("FLUSHALL"))
	require.Equal(t, "+OK", w.ask("SCRIPT", "FLUSH"))
	return w
}

// answer runs a command, or its equivalent by hash. The script is loaded on another connection,
// for this one may be within a transaction.
func (w *wire) answer(args []string, byHash bool, loader *wire) string {
	if byHash && strings.EqualFold(args[0], "EVAL") && len(args) > 2 {
		loaded := loader.ask("SCRIPT", "LOAD", args[1])
		sha, err := strconv.Unquote(loaded)
		if err != nil {
			return loaded // it doesn't compile
		}
		args = append([]string{"EVALSHA", sha}, args[2:]...)
	}
	return w.ask(args...)
}

func (w *wire) ask(args ...string) string {
	w.t.Helper()
	require.NoError(w.t, w.conn.SetDeadline(time.Now().Add(10*time.Second)))
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	_, err := w.conn.Write([]byte(b.String()))
	require.NoError(w.t, err)
	reply, err := readReply(w.r)
	require.NoError(w.t, err, "%q", args)
	// What follows is the compiler's own, and on the embedded node a stack trace.
	const compiler = "-ERR Error compiling script (new function):"
	if strings.HasPrefix(reply, compiler) {
		return compiler
	}
	return reply
}

// readReply renders a reply of either protocol in one line that keeps its types apart.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	kind, rest := line[0], line[1:]
	switch kind {
	case '$', '=':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return "nil", err
		}
		data := make([]byte, n+2)
		for read := 0; read < len(data); {
			m, err := r.Read(data[read:])
			if err != nil {
				return "", err
			}
			read += m
		}
		return strconv.Quote(string(data[:n])), nil
	case '*', '~', '>', '%':
		return readAggregate(r, kind, rest)
	case '_':
		return "null", nil
	}
	return line, nil // + - : , # (
}

func readAggregate(r *bufio.Reader, kind byte, size string) (string, error) {
	n, err := strconv.Atoi(size)
	if err != nil || n < 0 {
		return "nil array", err
	}
	if kind == '%' {
		n *= 2
	}
	parts := make([]string, n)
	for i := range parts {
		if parts[i], err = readReply(r); err != nil {
			return "", err
		}
		if i > 0 && parts[i-1] == `"id"` {
			parts[i] = "some id" // of the connection, in HELLO
		}
	}
	if kind == '%' {
		sortPairs(parts)
	}
	return map[byte]string{'*': "[", '~': "set[", '>': "push[", '%': "map["}[kind] + strings.Join(parts, " ") + "]", nil
}

// sortPairs puts a map into one order. Servers have their own.
func sortPairs(parts []string) {
	pairs := make([][2]string, len(parts)/2)
	for i := range pairs {
		pairs[i] = [2]string{parts[2*i], parts[2*i+1]}
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i][0] < pairs[j][0] })
	for i, p := range pairs {
		parts[2*i], parts[2*i+1] = p[0], p[1]
	}
}

// readTable parses the file.
func readTable(t *testing.T) []section {
	data, err := os.ReadFile(tableFile)
	require.NoError(t, err)
	var sections []section
	var last *row
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "== "):
			sections = append(sections, section{name: line[3:]})
		case strings.HasPrefix(line, "  = "):
			last.real = line[4:]
		case strings.HasPrefix(line, "  ! "):
			last.embedded = line[4:]
		default:
			require.NotEmpty(t, sections, "line %d", i+1)
			last = &row{line: i + 1, text: line, args: words(t, line)}
			s := &sections[len(sections)-1]
			s.rows = append(s.rows, last)
		}
	}
	return sections
}

// words splits a command as redis-cli does: "…" and '…' hold blanks, and "\n" and the like are
// escapes in the former.
func words(t *testing.T, line string) []string {
	var args []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		var arg string
		switch rest[0] {
		case '"':
			quoted, err := strconv.QuotedPrefix(rest)
			require.NoError(t, err, line)
			arg, err = strconv.Unquote(quoted)
			require.NoError(t, err, line)
			rest = rest[len(quoted):]
		default:
			arg, rest, _ = strings.Cut(rest, " ")
		}
		args = append(args, arg)
	}
	require.NotEmpty(t, args, line)
	return args
}

// record rewrites the file with what both servers answer now.
func record(t *testing.T, sections []section) {
	real, embedded := realDialer(t), embeddedDialer(t)
	for _, s := range sections {
		actual, ours := newWire(t, real(t)), newWire(t, embedded(t))
		for _, r := range s.rows {
			r.real, r.embedded = actual.answer(r.args, false, nil), ours.answer(r.args, false, nil)
			if r.real == r.embedded {
				r.embedded = ""
			}
		}
	}
	require.NoError(t, os.WriteFile(tableFile, []byte(rewrite(t, sections)), 0o644))
}

// rewrite keeps the file's comments and commands.
func rewrite(t *testing.T, sections []section) string {
	data, err := os.ReadFile(tableFile)
	require.NoError(t, err)
	rows := map[int]*row{}
	for _, s := range sections {
		for _, r := range s.rows {
			rows[r.line] = r
		}
	}
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if strings.HasPrefix(line, "  = ") || strings.HasPrefix(line, "  ! ") {
			continue
		}
		fmt.Fprintln(&b, line)
		if r := rows[i+1]; r != nil {
			fmt.Fprintln(&b, "  = "+r.real)
			if r.embedded != "" {
				fmt.Fprintln(&b, "  ! "+r.embedded)
			}
		}
	}
	return b.String()
}
