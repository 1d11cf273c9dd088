// Package child runs programs that the harness talks to over their standard input and output.
//
// What is guaranteed: a child that was started is gone when [Child.Close] returns, whatever it does,
// and with it the process group that it leads. On Linux it also ends when the harness is killed.
package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	// grace is how long a child has to end by itself after the end of its input.
	grace = 300 * time.Millisecond
	// killTimeout bounds the wait for a killed process to be gone.
	killTimeout = 5 * time.Second
)

// Child is a running program.
type Child struct {
	Stdin  *os.File
	Stdout *os.File

	command *exec.Cmd
	stderr  *tail
	exited  chan struct{} // closed once the process is gone and reaped
}

// Start starts the program command with its arguments.
func Start(command []string) (*Child, error) {
	c := &Child{command: exec.Command(command[0], command[1:]...), stderr: &tail{}, exited: make(chan struct{})}
	childIn, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stdout, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, childIn.Close(), stdin.Close())
	}
	c.Stdin, c.Stdout = stdin, stdout
	c.command.Stdin, c.command.Stdout, c.command.Stderr = childIn, childOut, c.stderr
	c.command.WaitDelay = grace // for grandchildren that keep stderr open
	c.command.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		// The signal that ends a child with its parent is tied to the thread that started
		// it, so that thread has to last as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.command.Start()
		started <- err
		if err == nil {
			_ = c.command.Wait() // how it ended is in ProcessState
			close(c.exited)
		}
	}()
	err = <-started
	_, _ = childIn.Close(), childOut.Close()
	if err != nil {
		_, _ = stdin.Close(), stdout.Close()
		return nil, err
	}
	return c, nil
}

// PID is the child's process id.
func (c *Child) PID() int { return c.command.Process.Pid }

// LastWords is the end of what the child wrote to its standard error, as the end of an error message;
// "" if there is nothing.
func (c *Child) LastWords() string { return c.stderr.quoted() }

// Ending explains the end of the child's output. It waits a moment for the child to be gone.
func (c *Child) Ending() error {
	select {
	case <-c.exited:
		return fmt.Errorf("ended with %v%s", c.command.ProcessState, c.LastWords())
	case <-time.After(grace):
		return fmt.Errorf("closed its output%s", c.LastWords())
	}
}

// Close ends the child: by the end of its input, or by SIGKILL if it doesn't follow at once. It
// returns when the process is gone, and closes the child's output then.
func (c *Child) Close() error {
	_ = c.Stdin.Close() // an error means that it was closed before
	select {
	case <-c.exited:
	case <-time.After(grace):
		// The whole group, for what the child may have started. Its id can't be another's
		// yet, since the child hasn't been reaped.
		if err := syscall.Kill(-c.PID(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill: %w", err)
		}
	}
	select {
	case <-c.exited:
	case <-time.After(killTimeout):
		return fmt.Errorf("process %d still exists %v after SIGKILL", c.PID(), killTimeout)
	}
	_ = c.Stdout.Close()
	return nil
}
