package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/redlock"
)

// signalled is the cause of a context that a signal has ended.
type signalled struct{ signal os.Signal }

func (s signalled) Error() string { return fmt.Sprintf("ended by a signal (%v)", s.signal) }

// acquire takes the lock. A signal ends it, at any moment up to the return.
func (j *job) acquire(signals <-chan os.Signal) (*redlock.Locker, *redlock.Lock, error) {
	ctx, stop := endedBy(signals)
	locker, err := redlock.Dial(ctx, j.urls, append(j.opts, redlock.WithTTL(j.ttl), redlock.WithOwner(self()))...)
	if err != nil {
		stop()
		return nil, nil, j.notAcquired(ctx, err)
	}
	lock, err := j.take(ctx, locker)
	stop()
	if interrupted := context.Cause(ctx); err == nil && errors.As(interrupted, new(signalled)) {
		j.drop(locker, lock)
		err = interrupted
	}
	if err != nil {
		_ = locker.Close() // releases what the attempts may have left
		return nil, nil, j.notAcquired(ctx, err)
	}
	return locker, lock, nil
}

// self is what the locks say of their owner: this machine and this process.
func self() string {
	host, err := os.Hostname()
	if err != nil || len(host) > 100 {
		host = "unknown host"
	}
	return fmt.Sprintf("%s pid %d", host, os.Getpid())
}

// endedBy returns a context that the first signal ends. No signal is taken any more when stop has returned.
func endedBy(signals <-chan os.Signal) (ctx context.Context, stop func()) {
	ctx, end := context.WithCancelCause(context.Background())
	stopping, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case s := <-signals:
				if s != syscall.SIGWINCH {
					end(signalled{s})
					return
				}
			case <-stopping:
				return
			}
		}
	}()
	return ctx, func() {
		close(stopping)
		<-stopped
	}
}

// take makes one attempt, and waits if that's wanted.
func (j *job) take(ctx context.Context, locker *redlock.Locker) (*redlock.Lock, error) {
	opts := []redlock.LockOption{redlock.AutoRenew(true), redlock.AtLeast(j.atLeast)}
	if j.maxHold > 0 {
		opts = append(opts, redlock.MaxHold(j.maxHold))
	}
	lock, first := locker.TryLock(ctx, j.name, opts...)
	if first == nil || j.noWait || ctx.Err() != nil {
		return lock, first
	}
	if j.wait > 0 {
		waiting, cancel := context.WithTimeout(ctx, j.wait)
		defer cancel()
		ctx = waiting
	}
	lock, err := locker.Lock(ctx, j.name, opts...)
	if errors.Is(err, context.DeadlineExceeded) && cutShort(err) {
		return nil, first // which is all that there was time for
	}
	return lock, err
}

// cutShort reports whether an error of [redlock.Locker.Lock] knows of no attempt but one that wasn't finished. If
// there was one that was, the error wraps what it found.
func cutShort(err error) bool {
	if _, itself := err.(*redlock.QuorumError); itself {
		return true
	}
	_, wrapped := errors.AsType[*redlock.QuorumError](err)
	return !wrapped
}

// notAcquired gives an error its exit status.
func (j *job) notAcquired(ctx context.Context, err error) error {
	if s, ok := errors.AsType[signalled](context.Cause(ctx)); ok {
		number, _ := s.signal.(syscall.Signal)
		return &cli.Failure{Status: statusSignal + int(number), Err: fmt.Errorf("%w while waiting for %q", s, j.name)}
	}
	status := statusOwn
	switch {
	case errors.Is(err, redlock.ErrNotAcquired):
		status = j.conflict
	case errors.Is(err, redlock.ErrNoQuorum):
		status = statusNoQuorum
	}
	return &cli.Failure{Status: status, Err: err}
}
