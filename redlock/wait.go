package redlock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Pauses between the attempts of [Locker.Lock] where there's no line to stand in: exponential, bounded, with full jitter.
const (
	firstPause   = 4 * time.Millisecond
	maxWaitPause = 256 * time.Millisecond
)

// Lock takes the lock, waiting for it as long as ctx allows. Goroutines that wait for one name on one locker are served in the
// order in which they came, and so are lockers: each waits once for a name. Whoever gives the lock back
// calls the first of those who wait, which makes an attempt like that of [Locker.TryLock]. It also makes one when the lock should have run
// out. A TryLock, and a Lock of a process that doesn't know that others wait, may be faster.
//
// The order is a hint that voters keep. Where they lose it, or a voter stops, waiting takes up to the node time-out longer.
// Where a voter's user has no right to subscribe, Lock makes attempts with random pauses, of up to 256 ms; see [Hooks].
//
// When ctx ends, the error matches both the context's error and the last attempt's
// [*QuorumError] that wasn't cut short, which says what stood in the way. Where this locker has the lock, nobody was asked; then it
// matches [ErrNotAcquired]. Invalid names and
// options, a closed locker, [ErrUnfit], [ErrMembership], and a lock that the same context's work in [Locker.Do] holds ([ErrReentrant]) are errors at once; whatever may pass by itself is waited for.
func (l *Locker) Lock(ctx context.Context, name string, opts ...LockOption) (*Lock, error) {
	lo, err := l.check(ctx, opAcquire, name, opts)
	if err != nil {
		return nil, err
	}
	if err := l.checkNested(ctx, name); err != nil {
		return nil, err
	}
	seen := l.begin(ctx, opAcquire, name, nil)
	lk, err := l.wait(ctx, &seen, lo)
	return l.handOut(&seen, lk, err)
}

// wait makes attempts until one succeeds.
func (l *Locker) wait(ctx context.Context, seen *observation, lo lockOptions) (*Lock, error) {
	name := seen.name
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.draining, func() { cancel(ErrClosed) })()
	t := l.turns.join(name)
	defer l.turns.leave(name, t)
	if !t.await(ctx) {
		return nil, fmt.Errorf("redlock: waiting for %q behind others of this process: %w", name, context.Cause(ctx))
	}
	w := l.newWaiter(name, t)
	lk, err := w.acquire(ctx, seen, lo)
	if err != nil {
		w.leave()
		return nil, err
	}
	w.won()
	return lk, nil
}

// acquire makes attempts until one succeeds. Where other processes wanted the lock a moment ago, it stands in line before the first.
func (w *waiter) acquire(ctx context.Context, seen *observation, lo lockOptions) (*Lock, error) {
	l := w.locker
	var last error
	for asks := w.follow(ctx); ; asks = true {
		if asks {
			seen.waits, seen.gone, seen.silently, seen.decided = true, w.gone, w.silently(), decision{}
			lk, err := l.acquire(ctx, seen, lo)
			if err == nil {
				return lk, nil
			}
			if errors.Is(err, ErrUnfit) || errors.Is(err, ErrMembership) {
				return nil, err
			}
			// An attempt that was cut short doesn't know what stood in the way.
			if last == nil || ctx.Err() == nil {
				last = err
			}
			w.refused(seen.decided)
		}
		if !w.await(ctx) {
			if last == nil {
				last = w.obstacle(ctx)
			}
			l.nameOwners(ctx, w.name, last)
			return nil, waitError(ctx, w.name, last)
		}
	}
}

func waitError(ctx context.Context, name string, last error) error {
	cause := context.Cause(ctx)
	if last == nil {
		return fmt.Errorf("redlock: waiting for %q in line: %w", name, cause)
	}
	if errors.Is(last, cause) {
		return last
	}
	if last == errOwnProcess {
		return fmt.Errorf("redlock: waiting for %q: %w; %w", name, cause, last)
	}
	return fmt.Errorf("redlock: waiting for %q: %w; last attempt: %w", name, cause, last)
}
