package cluster

import (
	"context"
	"errors"
	"fmt"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// signalTimeout bounds the wait for a signal to show in a process's state, and for a killed
// process to be gone.
const signalTimeout = 5 * time.Second

// PauseProcess stops the process pid, as SIGSTOP does, and waits until the operating system
// shows it as stopped. It's how a client, too, is made to sit through a long pause.
func PauseProcess(ctx context.Context, pid int) (effect.Proof, error) {
	return signalAndSee(ctx, pid, syscall.SIGSTOP, "paused", effect.Change{State: effect.Stopped}, isStopped)
}

// ResumeProcess lets a stopped process go on, as SIGCONT does, and waits until the operating
// system shows it as no longer stopped.
func ResumeProcess(ctx context.Context, pid int) (effect.Proof, error) {
	return signalAndSee(ctx, pid, syscall.SIGCONT, "resumed", effect.Change{State: effect.Stopped, Over: true}, func(state string) bool { return !isStopped(state) })
}

func isStopped(state string) bool { return state == "T" }

// signalAndSee sends a signal and waits until the process's state letter is as wanted.
func signalAndSee(ctx context.Context, pid int, sig syscall.Signal, fault string, change effect.Change, wanted func(string) bool) (effect.Proof, error) {
	ctx, cancel := context.WithTimeout(ctx, signalTimeout)
	defer cancel()
	proof := effect.Proof{Target: fmt.Sprintf("process %d", pid), Fault: fault, How: stateSource(pid), Began: hostNow(), Change: change}
	if pid <= 0 {
		// Zero and below address whole process groups.
		return effect.Proof{}, fmt.Errorf("cluster: process id %d: give one above 0", pid)
	}
	before, err := processState(pid)
	if err != nil {
		return effect.Proof{}, err
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return effect.Proof{}, fmt.Errorf("cluster: %v to process %d: %w", sig, pid, err)
	}
	for {
		state, err := processState(pid)
		if err != nil {
			return effect.Proof{}, err
		}
		if wanted(state) {
			return seen(proof, "state "+before, "state "+state), nil
		}
		if err := wait.For(ctx, time.Millisecond); err != nil {
			return effect.Proof{}, fmt.Errorf("%w: process %d is in state %s after %v: %w", ErrNotProven, pid, state, sig, err)
		}
	}
}

// process is a child that is waited for from the moment it starts.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once the child is gone and reaped
}

// startProcess starts cmd from the launcher's thread.
func startProcess(l *launcher, cmd *exec.Cmd) (*process, error) {
	var err error
	l.do(func() { err = cmd.Start() })
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		// How it ended is in cmd.ProcessState, and a killed child is no error here.
		_ = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the child with SIGKILL, which works on a stopped one too, and waits until it has
// been reaped. It returns how the child ended.
func (p *process) kill() (string, error) {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return "", fmt.Errorf("cluster: kill process %d: %w", p.pid(), err)
	}
	select {
	case <-p.exited:
		return p.cmd.ProcessState.String(), nil
	case <-time.After(signalTimeout):
		return "", fmt.Errorf("cluster: process %d still exists %v after SIGKILL", p.pid(), signalTimeout)
	}
}
