// Package group runs a command in a process group of its own, and tells when all of that group has ended. A
// guard, which is a second process, ends the group when this process dies or is stopped.
//
// A process that leaves the group, as daemons do, isn't part of it any more.
package group

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a5bbb083/redlock/clockdrift"
)

// Group is a command's process group.
type Group struct {
	id       int
	command  int // its process id
	ended    chan int
	guard    *guard
	terminal bool // the group has been given the terminal
}

// StartError means that the command couldn't be started. Other errors are this program's own.
type StartError struct{ error }

func (e *StartError) Unwrap() error { return e.error }

// launch starts a process. Tests put another in its place.
var launch = os.StartProcess

// Start starts the command, which has to be over in the time that's left, see [Group.Until]. argv includes its name. Standard input, output and error are this process's. Where
// this process has the terminal's foreground, the group gets it, so that the command can read from there and
// Ctrl-C reaches it.
//
// The guard knows the group before the command is part of it. Otherwise a command would run for ever whose redlock is killed, or stopped, when it
// has just begun it. So the group begins with a process that does nothing, and that goes when the command is there.
func Start(path string, argv, env []string, left time.Duration) (*Group, error) {
	clock := clockdrift.System()
	deadline := clock.Now() + left
	adoptOrphans()
	guard, err := startGuard()
	if err != nil {
		return nil, err
	}
	first, err := startGuard() // without orders
	if err != nil {
		guard.dismiss()
		return nil, err
	}
	g := &Group{id: first.process.Pid, ended: make(chan int, 1), guard: guard, terminal: inForeground()}
	g.Until(deadline - clock.Now())
	p, err := launch(path, argv, &os.ProcAttr{
		Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{Setpgid: true, Pgid: g.id, Foreground: g.terminal, Ctty: stdin},
	})
	first.kill()
	if err != nil {
		guard.dismiss()
		return nil, &StartError{err}
	}
	g.command = p.Pid
	_ = p.Release() // it's waited for below, since os.Process doesn't tell of a stop
	go g.wait()
	return g, nil
}

// wait ends with the command.
func (g *Group) wait() {
	for {
		var s syscall.WaitStatus
		_, err := syscall.Wait4(g.command, &s, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err == nil && s.Stopped():
			// Nobody would notice Ctrl-Z: the shell waits for this process, which must go on to renew the lock.
			if g.terminal && s.StopSignal() != syscall.SIGSTOP {
				_ = g.Signal(syscall.SIGCONT)
			}
		default:
			g.ended <- status(s)
			return
		}
	}
}

// status is what a shell makes of the end of a command.
func status(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// Ended delivers the command's exit status once, 128 plus the signal if one ended it. Others of the group may
// go on.
func (g *Group) Ended() <-chan int { return g.ended }

// Signal sends a signal to every process of the group.
func (g *Group) Signal(s syscall.Signal) error { return syscall.Kill(-g.id, s) }

// Gone reports whether no process of the group is left. It's to be called when the command has ended, and
// reaps those that became orphans.
func (g *Group) Gone() bool {
	for {
		pid, err := syscall.Wait4(-g.id, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid == 0 {
			return errors.Is(g.Signal(0), syscall.ESRCH)
		}
	}
}

const stdin = 0

// inForeground reports whether this process may read from the terminal.
func inForeground() bool {
	group, err := unix.IoctlGetInt(stdin, unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

// Until says in how long the group has to be over, unless it's told otherwise before. That's for the guard: this
// process should end the group earlier.
func (g *Group) Until(left time.Duration) { g.guard.tell(g.id, left) }

// Close dismisses the guard, and takes the terminal back, so that the shell gets it in turn. It's to be called when the group is gone.
func (g *Group) Close() {
	g.guard.dismiss()
	if g.terminal {
		signal.Ignore(syscall.SIGTTOU) // which stops whoever does this from the background
		_ = unix.IoctlSetPointerInt(stdin, unix.TIOCSPGRP, syscall.Getpgrp())
	}
}
