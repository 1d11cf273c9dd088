package redlock

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Pauses between the attempts of [Locker.Lock]: exponential, bounded, with full jitter, so
// that clients whose attempts have split the votes don't meet again.
// See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
const (
	firstPause   = 4 * time.Millisecond
	maxWaitPause = 256 * time.Millisecond
)

// Lock takes the lock, waiting for it as long as ctx allows. It makes attempts like those of
// [Locker.TryLock], with growing random pauses between them, and returns the first success.
// Goroutines that wait for one name on one locker are served in the order in which they came, and only
// the first of them asks the voters. A lock that another goroutine gives back is asked for at once, and
// other processes may be faster.
//
// When ctx ends, the error matches both the context's error and the last attempt's
// [*QuorumError] that wasn't cut short, which says what stood in the way. Invalid names and
// options, a closed locker, [ErrUnfit], [ErrMembership], and a lock that the same context's work in [Locker.Do] holds ([ErrReentrant]) are errors at once; whatever may pass by itself is waited for.
func (l *Locker) Lock(ctx context.Context, name string, opts ...LockOption) (*Lock, error) {
	lo, err := l.check(ctx, name, opts)
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
	var last error
	for pause := firstPause; ; pause = min(2*pause, maxWaitPause) {
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
		woken, alive := t.sleep(ctx, time.Duration(l.jitter(int64(pause))))
		if !alive {
			l.nameOwners(ctx, name, last)
			return nil, waitError(ctx, name, last)
		}
		if woken {
			pause = firstPause / 2
		}
	}
}

// sleep waits for d, for a lock that is given back in this process, or for the end of ctx.
func (t *turn) sleep(ctx context.Context, d time.Duration) (woken, alive bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.freed:
		return true, true
	case <-timer.C:
		return false, true
	case <-ctx.Done():
		return false, false
	}
}

func waitError(ctx context.Context, name string, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(last, cause) {
		return last
	}
	return fmt.Errorf("redlock: waiting for %q: %w; last attempt: %w", name, cause, last)
}
