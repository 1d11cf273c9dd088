package redlockgocron

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/redlock"
)

// retryPause is how long an Elector waits after an error that waiting for the office doesn't outlast,
// such as a missing right on the servers.
const retryPause = time.Second

// Elector is a [gocron.Elector]: while it's in office, this machine's scheduler runs all its jobs, and the others
// none. Close ends it. It's safe for concurrent use.
type Elector struct {
	resign context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	lock *redlock.Lock // of the term; nil out of office
	err  error         // why the last campaign ended
}

// NewElector stands for the office of that name until Close, with [redlock.Locker.Lead]: it stands again after a loss,
// and as soon as a leader stops another is elected. A leader that dies is replaced when its lock's TTL has passed. Invalid names
// and options are errors of IsLeader.
//
// Jobs that are due before somebody is elected are skipped. When the office changes hands, a job that's due
// at about that time may be run by both machines or by neither, since their clocks differ. A job that must run once
// per period takes a [Locker] with AtLeast.
func NewElector(locker *redlock.Locker, name string, opts ...redlock.LockOption) *Elector {
	ctx, cancel := context.WithCancel(context.Background())
	e := &Elector{resign: cancel, done: make(chan struct{})}
	go e.campaign(ctx, locker, name, opts)
	return e
}

func (e *Elector) campaign(ctx context.Context, locker *redlock.Locker, name string, opts []redlock.LockOption) {
	defer close(e.done)
	for {
		err := locker.Lead(ctx, name, e.serve, opts...)
		e.set(nil, err)
		if ctx.Err() != nil || errors.Is(err, redlock.ErrClosed) {
			return
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return
		}
	}
}

// serve is a term of office.
func (e *Elector) serve(ctx context.Context, lock *redlock.Lock) error {
	e.set(lock, nil)
	defer e.set(nil, nil)
	<-ctx.Done()
	return context.Cause(ctx)
}

func (e *Elector) set(lock *redlock.Lock, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lock, e.err = lock, err
}

// term returns the lock of the present term, or why there's none.
func (e *Elector) term() (*redlock.Lock, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.lock != nil && e.lock.Valid():
		return e.lock, nil
	case e.err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotLeader, e.err)
	}
	return nil, ErrNotLeader
}

// IsLeader returns nil while this machine leads, by its own clock: it asks nobody, and waits for nothing. Otherwise the error
// is [ErrNotLeader], with the reason if the campaign can't go on.
func (e *Elector) IsLeader(context.Context) error {
	_, err := e.term()
	return err
}

// Task returns a function for [gocron.NewTask]. The context that fn gets is the job's, and ends as well with
// the term, as when the lock is lost; [context.Cause] tells which. The lock's fencing token is the term. The function
// returns the error of fn, preceded by redlock.ErrLost if the term had ended before fn returned. Fn isn't run if this machine
// isn't the leader ([ErrNotLeader]).
func (e *Elector) Task(fn func(context.Context, *redlock.Lock) error) func(context.Context) error {
	return func(ctx context.Context) error {
		lock, err := e.term()
		if err != nil {
			return err
		}
		return run(ctx, lock, fn)
	}
}

// Close resigns, and returns when another may be elected. Shut the scheduler down first: jobs that still
// run aren't the leader's any more.
func (e *Elector) Close() {
	e.resign()
	<-e.done
}
