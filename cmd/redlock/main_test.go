package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// asProgram in the environment makes the test binary be redlock itself.
const asProgram = "REDLOCK_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0) // the guard returns, and must not run the tests
	}
	os.Exit(m.Run())
}

// startVoters starts real servers that have been voting for years, and returns their URLs as one flag.
func startVoters(t *testing.T, n int) (*cluster.Cluster, string) {
	t.Helper()
	c, urls := startStrangers(t, n)
	for _, node := range c.Nodes() {
		run, err := node.RunID(t.Context())
		require.NoError(t, err)
		_, err = node.Command(t.Context(), "HSET", "redlock:voter", "run", run, "promoted", "", "number", 1, "until", 1, "longest", 0)
		require.NoError(t, err)
	}
	return c, urls
}

// startStrangers starts real servers that nobody has met before.
func startStrangers(t *testing.T, n int) (*cluster.Cluster, string) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_REDIS"), err)
		t.Skip(err)
	}
	c, err := cluster.Start(t.Context(), cluster.Config{Backend: cluster.Redis, Nodes: n})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	var urls []string
	for _, node := range c.Nodes() {
		urls = append(urls, "redis://"+node.Addr())
	}
	return c, strings.Join(urls, ",")
}

// pauseAll stops the servers with SIGSTOP and returns the moment before.
func pauseAll(t *testing.T, nodes []cluster.Node) time.Time {
	t.Helper()
	at := time.Now()
	for _, n := range nodes {
		_, err := n.Pause(t.Context())
		require.NoError(t, err)
	}
	return at
}

// program is redlock as a process.
type program struct {
	*exec.Cmd
	t           *testing.T
	out, errOut output
	done        chan struct{}
	took        time.Duration
}

// output may be read while the program writes to it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// command prepares redlock with these arguments.
func command(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(os.Args[0], args...), t: t, done: make(chan struct{})}
	p.Env = append(os.Environ(), asProgram+"=1", cli.NodesVariable+"=")
	p.Stdout, p.Stderr = &p.out, &p.errOut
	p.WaitDelay = 10 * time.Second // for what a failed test leaves running
	return p
}

func (p *program) start() *program {
	p.t.Helper()
	began := time.Now()
	require.NoError(p.t, p.Start())
	go func() {
		_ = p.Wait() // the status is looked at
		p.took = time.Since(began)
		close(p.done)
	}()
	p.t.Cleanup(func() {
		_ = p.Process.Kill() // it has ended unless the test failed
		<-p.done
	})
	return p
}

// status waits for the end and returns the exit status.
func (p *program) status() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		require.FailNow(p.t, "redlock doesn't end", "%s%s", p.out.String(), p.errOut.String())
	}
	return p.ProcessState.ExitCode()
}

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.Process.Signal(s))
}

// says waits for a text on standard output.
func (p *program) says(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.out.String(), text) }, 20*time.Second, 5*time.Millisecond, "%q in %s%s", text, &p.out, &p.errOut)
}

// runs is redlock that runs to its end.
func runs(t *testing.T, args ...string) *program {
	t.Helper()
	p := command(t, args...).start()
	p.status()
	return p
}

// hold has another process hold a lock until the test ends or the returned function is called.
func hold(t *testing.T, urls, name string) (release func()) {
	t.Helper()
	p := command(t, "exec", "--nodes", urls, name, "--", "sh", "-c", "echo locked; exec sleep 600").start()
	p.says("locked")
	return func() {
		p.signal(syscall.SIGTERM)
		require.Equal(t, statusSignal+int(syscall.SIGTERM), p.status(), "%s", &p.errOut)
	}
}

// script writes an executable file.
func script(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(file, []byte(text), mode))
	return file
}

// alive reports whether a process with that text in its command line exists.
func alive(t *testing.T, text string) bool {
	t.Helper()
	out, err := exec.CommandContext(context.Background(), "ps", "-A", "-o", "stat=,args=").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, text) && !strings.HasPrefix(line, "Z") {
			return true
		}
	}
	return false
}

func assertFree(t *testing.T, urls, name string) {
	t.Helper()
	p := runs(t, "show", "--nodes", urls, name)
	assert.Contains(t, p.out.String(), name+": free\n")
}
