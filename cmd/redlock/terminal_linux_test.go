package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal is what somebody sits at.
type terminal struct {
	*os.File
	shown output
}

// onTerminal runs a program with a terminal of its own.
func onTerminal(t *testing.T, p *program) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	p.Stdin, p.Stdout, p.Stderr = slave, slave, slave
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	term := &terminal{File: master}
	p.start()
	require.NoError(t, slave.Close())
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			_, _ = term.shown.Write(buffer[:n])
			if err != nil { // nobody is left at the other end
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.done
		<-read
		_ = master.Close()
	})
	return term
}

func (term *terminal) shows(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(term.shown.String(), text) }, 20*time.Second, 5*time.Millisecond, "%q in %s", text, &term.shown)
}

func (term *terminal) types(t *testing.T, text string) {
	t.Helper()
	_, err := term.WriteString(text)
	require.NoError(t, err)
}

func TestExecOnATerminal(t *testing.T) {
	_, urls := startVoters(t, 3)
	p := command(t, "exec", "--nodes", urls, "job", "--", "sh", "-c", "trap 'echo interrupted' INT; echo name?; read n; echo hello $n; while read m; do echo again $m; done; exit 6")
	term := onTerminal(t, p)
	term.shows(t, "name?")
	term.types(t, "world\n") // the group has the terminal
	term.shows(t, "hello world")
	term.types(t, "\x1a") // Ctrl-Z
	time.Sleep(200 * time.Millisecond)
	term.types(t, "x\n")
	term.shows(t, "again x")
	term.types(t, "\x03") // Ctrl-C
	term.shows(t, "interrupted")
	term.types(t, "\x04") // the end of the input
	assert.Equal(t, 6, p.status(), "%s", &term.shown)
	assertFree(t, urls, "job")
}

func TestExecInterruptedAtATerminalWhileWaiting(t *testing.T) {
	_, urls := startVoters(t, 3)
	hold(t, urls, "job")
	p := command(t, "exec", "--nodes", urls, "job", "--", "echo", "ran")
	term := onTerminal(t, p)
	time.Sleep(500 * time.Millisecond)
	term.types(t, "\x03")
	assert.Equal(t, 130, p.status())
	term.shows(t, `while waiting for "job"`)
	assert.NotContains(t, term.shown.String(), "ran")
}

// The shell gets the terminal back, also when the command was killed.
func TestExecGivesTheTerminalBack(t *testing.T) {
	_, urls := startVoters(t, 3)
	p := command(t)
	p.Path = "/bin/sh"
	p.Args = []string{"sh", "-c", `"$@"; echo status $?; read n; echo hello $n`, "sh", os.Args[0], "exec", "--nodes", urls, "job", "--", "sh", "-c", "kill -KILL $$"}
	term := onTerminal(t, p)
	term.shows(t, "status 137")
	term.types(t, "world\n")
	term.shows(t, "hello world")
	assert.Zero(t, p.status())
}

func TestBreakAsks(t *testing.T) {
	_, urls := startVoters(t, 3)
	hold(t, urls, "job")
	held := token(t, urls, "job")
	for answer, status := range map[string]int{"\n": statusRefused, "no\n": statusRefused, "\x03": 130} {
		p := command(t, "break", "--nodes", urls, "job", "--token", held)
		term := onTerminal(t, p)
		term.shows(t, "Break the lock job with token "+held+"? [y/N] ")
		term.types(t, answer)
		assert.Equal(t, status, p.status(), "%q: %s", answer, &term.shown)
		term.shows(t, "nothing was broken")
	}
	assert.Equal(t, held, token(t, urls, "job"))
	p := command(t, "break", "--nodes", urls, "job", "--token", held)
	term := onTerminal(t, p)
	term.shows(t, "[y/N]")
	term.types(t, "y\n")
	assert.Zero(t, p.status(), "%s", &term.shown)
	term.shows(t, "job: broken")
}
