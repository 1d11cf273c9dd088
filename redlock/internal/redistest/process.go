package redistest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Process is a child process.
type Process struct {
	tb     testing.TB
	cmd    *exec.Cmd
	exited chan struct{}
}

// Launch starts the command. The caller kills it; when the test process ends, it ends as well.
func Launch(tb testing.TB, cmd *exec.Cmd) *Process {
	tb.Helper()
	cmd.SysProcAttr = endsWithParent()
	require.NoError(tb, cmd.Start())
	p := &Process{tb: tb, cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // the exit status is whatever ended it
		close(p.exited)
	}()
	return p
}

// Exited is closed when the process has ended and all of its output was read.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Kill ends the process with SIGKILL, paused or not, and waits for its end. A process that has
// ended stays ended.
func (p *Process) Kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.tb.Errorf("killing %s: %v", p.cmd.Path, err)
	}
	<-p.exited
}

// Pause stops the process with SIGSTOP and returns when it has stopped.
func (p *Process) Pause() {
	p.tb.Helper()
	require.NoError(p.tb, p.cmd.Process.Signal(syscall.SIGSTOP))
	deadline := time.Now().Add(5 * time.Second)
	for p.state() != 'T' {
		require.True(p.tb, time.Now().Before(deadline), "%s doesn't stop", p.cmd.Path)
		time.Sleep(100 * time.Microsecond)
	}
}

// Resume lets a paused process go on.
func (p *Process) Resume() {
	p.tb.Helper()
	require.NoError(p.tb, p.cmd.Process.Signal(syscall.SIGCONT))
}

// state returns the process's state as /proc has it, such as T for stopped.
func (p *Process) state() byte {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if i := bytes.LastIndexByte(stat, ')'); err == nil && i+2 < len(stat) {
		return stat[i+2]
	}
	return 0
}

// output keeps what a process prints.
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
