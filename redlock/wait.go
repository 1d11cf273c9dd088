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
//
// When ctx ends, the error matches both the context's error and the last attempt's
// [*QuorumError] that wasn't cut short, which says what stood in the way. Invalid names and
// options, and a closed locker, are errors at once; whatever the voters say is waited for.
func (l *Locker) Lock(ctx context.Context, name string, opts ...LockOption) (*Lock, error) {
	lo, err := l.check(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.closing, func() { cancel(ErrClosed) })()
	var last error
	for pause := firstPause; ; pause = min(2*pause, maxWaitPause) {
		lk, err := l.attempt(ctx, name, lo)
		if err == nil {
			return lk, nil
		}
		// An attempt that was cut short doesn't know what stood in the way.
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if !sleep(ctx, time.Duration(l.jitter(int64(pause)))) {
			return nil, waitError(ctx, name, last)
		}
	}
}

func waitError(ctx context.Context, name string, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(last, cause) {
		return last
	}
	return fmt.Errorf("redlock: waiting for %q: %w; last attempt: %w", name, cause, last)
}
