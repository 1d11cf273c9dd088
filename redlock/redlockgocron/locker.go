// Package redlockgocron makes the jobs of gocron, version 2, run on one of several machines: [Locker] takes a
// lock for each run of a job, and [Elector] leaves all jobs to an elected leader.
//
// gocron tells a job nothing of its lock. A job whose lock is lost goes on, and another machine may run it at
// the same time. So wrap what must not with [Locker.Task] or [Elector.Task]: its context ends with
// the lock, and it gets the fencing token for what it writes to. gocron also ignores what the
// release of a lock returns; a locker's hooks hear of it.
package redlockgocron

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-co-op/gocron/v2"

	"github.com/a5bbb083/redlock/redlock"
)

var (
	// ErrNoLock means that a function of [Locker.Task] was called by a job for whose name this Locker holds
	// no lock. It didn't run.
	ErrNoLock = errors.New("redlockgocron: no lock is held for the job")

	// ErrNotLeader means that the job isn't this machine's to run: another one leads, or none does.
	ErrNotLeader = errors.New("redlockgocron: not the leader")
)

// Locker is a [gocron.Locker]. It's safe for concurrent use.
type Locker struct {
	locker *redlock.Locker
	prefix string
	opts   []redlock.LockOption

	mu   sync.Mutex
	held map[string]*redlock.Lock // by the job's name; taken out by its task
}

// NewLocker returns a Locker for [gocron.WithDistributedLocker], or for one job's
// [gocron.WithDistributedJobLocker]. A job's lock has the name of the job with prefix before it. It's renewed while the
// job runs. Give each job a name ([gocron.WithName]): jobs of the same name exclude each other, and by default that's
// the name of the job's function.
//
// The schedulers' clocks differ, and a job that takes a moment has ended before a late clock says that it's due. So use
// the option [redlock.AtLeast] with a time that's longer than the clocks' differences and shorter than the
// job's interval:
//
//	redlockgocron.NewLocker(locker, "cron:", redlock.AtLeast(30*time.Second))
//
// [redlock.MaxHold] ends the lock of a job that hangs.
func NewLocker(locker *redlock.Locker, prefix string, opts ...redlock.LockOption) *Locker {
	return &Locker{
		locker: locker,
		prefix: prefix,
		opts:   append([]redlock.LockOption{redlock.AutoRenew(true)}, opts...),
		held:   map[string]*redlock.Lock{},
	}
}

// Lock makes one attempt to take the lock of a job. If it fails, for whatever reason, gocron skips this run; the option
// [gocron.AfterLockError] hears why. Errors are those of [redlock.Locker.TryLock]; redlock.ErrNotAcquired means that another machine
// runs the job, or has run it within AtLeast.
func (l *Locker) Lock(ctx context.Context, job string) (gocron.Lock, error) {
	lock, err := l.locker.TryLock(ctx, l.prefix+job, l.opts...)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[job] = lock
	return &heldLock{l, job, lock}, nil
}

// take returns the lock of a job's run, once.
func (l *Locker) take(job string) *redlock.Lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := l.held[job]
	delete(l.held, job)
	return lock
}

// Task returns a function for [gocron.NewTask] in a job of that name, which must be run with this Locker. The context
// that fn gets is the job's, and ends as well when the lock is lost; [context.Cause] tells which.
// The function returns the error of fn, preceded by redlock.ErrLost if the lock was lost before fn returned, so
// that the job counts as failed ([gocron.AfterJobRunsWithError]). Fn isn't run if there's no lock for it ([ErrNoLock]).
func (l *Locker) Task(job string, fn func(context.Context, *redlock.Lock) error) func(context.Context) error {
	return func(ctx context.Context) error {
		lock := l.take(job)
		if lock == nil {
			return fmt.Errorf("%w: %q; give the job that name with gocron.WithName, and run it with this Locker", ErrNoLock, job)
		}
		return run(ctx, lock, fn)
	}
}

// run runs fn under a lock that somebody else gives back.
func run(ctx context.Context, lock *redlock.Lock, fn func(context.Context, *redlock.Lock) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(lock.Context(), func() { cancel(context.Cause(lock.Context())) })()
	err := fn(ctx, lock)
	if !lock.Valid() {
		return errors.Join(fmt.Errorf("redlockgocron: %q: %w", lock.Name(), redlock.ErrLost), err) // the reason first
	}
	return err
}

// heldLock is what gocron gives back after the run.
type heldLock struct {
	locker *Locker
	job    string
	lock   *redlock.Lock
}

// Unlock gives the lock back, also where the job was removed meanwhile, which ends its context. Errors
// are those of [redlock.Lock.Unlock]. gocron ignores them.
func (h *heldLock) Unlock(ctx context.Context) error {
	h.locker.mu.Lock()
	if h.locker.held[h.job] == h.lock { // nobody took it
		delete(h.locker.held, h.job)
	}
	h.locker.mu.Unlock()
	return h.lock.Unlock(context.WithoutCancel(ctx))
}
