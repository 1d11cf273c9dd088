package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock/internal/group"
	"github.com/a5bbb083/redlock/redlock"
)

// job is a command to run under a lock.
type job struct {
	execFlags
	urls   []string
	opts   []redlock.Option
	name   string
	argv   []string
	env    []string
	errOut io.Writer
}

// passedOn are the signals that the command gets. Those of job control stay here: the lock has to be renewed.
var passedOn = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
	syscall.SIGALRM, syscall.SIGWINCH,
}

// execute is exec. Its error is a [cli.Failure] with the exit status.
func execute(j job) error {
	path, err := find(j.argv[0])
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 16)
	for _, s := range passedOn {
		if !signal.Ignored(s) { // by nohup, say; the command inherits that
			signal.Notify(signals, s)
		}
	}
	locker, lock, err := j.acquire(signals)
	if err != nil {
		return err
	}
	defer func() { _ = locker.Close() }() // sends what is still to be released
	g, err := group.Start(path, j.argv, append(j.env, "REDLOCK_NAME="+j.name, fmt.Sprintf("REDLOCK_FENCE=%d", lock.Fence())), lock.Remaining()-j.margin()/2)
	if err != nil {
		j.drop(locker, lock)
		return cannotRun(err)
	}
	signal.Ignore(syscall.SIGTSTP) // only now, or the command would inherit that
	began := time.Now()
	s := supervisor{lock: lock, group: g, signals: signals, killAfter: j.killAfter, margin: j.margin()}
	end := s.watch()
	g.Close()
	if end.lost {
		return j.lost(locker, lock, end, time.Since(began))
	}
	switch err := lock.Unlock(context.Background()); {
	case errors.Is(err, redlock.ErrLost):
		return &cli.Failure{Status: statusLost, Err: fmt.Errorf("the command ended with status %d, but the lock was lost before, and another may have run at the same time: %w", end.status, err)}
	case err != nil && time.Since(began) < j.atLeast:
		j.warn("the lock on %q couldn't be kept for the %v of --at-least, and may be free after %v: %v", j.name, j.atLeast, j.ttl, err)
	case err != nil:
		j.warn("the lock on %q couldn't be given back, and may go on for %v: %v", j.name, j.ttl, err)
	}
	return status(end.status)
}

// status is the command's own.
func status(status int) error {
	if status == 0 {
		return nil
	}
	return &cli.Failure{Status: status}
}

func (j *job) warn(format string, args ...any) {
	_, _ = fmt.Fprintln(j.errOut, "redlock:", remedies(fmt.Sprintf(format, args...), false))
}

// drop gives back a lock under which nothing has run, so that --at-least doesn't keep it.
func (j *job) drop(locker *redlock.Locker, lock *redlock.Lock) {
	_ = locker.Break(context.Background(), j.name, lock.Token()) // what fails runs out
}

// lost explains why the command was ended. The lock is given back where it still exists, unless a process of the
// command does, too.
func (j *job) lost(locker *redlock.Locker, lock *redlock.Lock, end end, held time.Duration) error {
	why := "it couldn't be renewed in time"
	switch {
	case j.maxHold > 0 && held+j.killAfter+2*j.margin() >= j.maxHold:
		why = fmt.Sprintf("it was held for as long as --max-hold %v allows", j.maxHold)
	case end.taken != nil:
		why = end.taken.Error()
	default:
		for _, v := range locker.Voters() {
			if v.Err != nil && v.ErrAt.After(v.Answered) {
				why += fmt.Sprintf("; %s: %v", v.Node, v.Err)
			}
		}
	}
	if end.alive {
		return &cli.Failure{Status: statusLost, Err: fmt.Errorf("the lock on %q is lost, and the command got KILL but a process of it is still there: %s", j.name, why)}
	}
	_ = lock.Unlock(context.Background()) // it says that it's lost
	return &cli.Failure{Status: statusLost, Err: fmt.Errorf("the lock on %q is lost, and the command was ended: %s", j.name, why)}
}

// find returns the path of a command as shells find it.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil && !errors.Is(err, exec.ErrDot) { // PATH says so
		return "", cannotRun(err)
	}
	return path, nil
}

// cannotRun is the error for a command that can't be found or started.
func cannotRun(err error) error {
	status := statusOwn
	_, found := errors.AsType[*group.StartError](err)
	_, sought := errors.AsType[*exec.Error](err)
	switch {
	case (found || sought) && (errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist)):
		status = statusNotFound
	case found || sought:
		status = statusCannotRun
	}
	return &cli.Failure{Status: status, Err: err}
}
