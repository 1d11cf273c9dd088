package redlock

import (
	"context"
	"errors"
)

// Do runs fn while holding the lock: it waits for it as [Locker.Lock] does, renews it, and
// releases it when fn has returned, or panicked. The context that fn gets is done when the
// lock is lost, when its proven deadline passes, when ctx is done, and when [Locker.Shutdown] or
// [Locker.Close] begins; [context.Cause] tells which. What fn does after that isn't protected, except after
// the begin of a Shutdown, which goes on to renew the lock.
//
// Do returns the error of fn, preceded by [ErrLost] if the lock was lost before fn returned:
// then another may have held it at the same time. A release that fails isn't an error of the
// work; the lock runs out by itself, and [Hooks] hear of it.
func (l *Locker) Do(ctx context.Context, name string, fn func(context.Context, *Lock) error, opts ...LockOption) error {
	lk, err := l.Lock(ctx, name, append([]LockOption{AutoRenew(true)}, opts...)...)
	if err != nil {
		return err
	}
	unlock := func() error { return lk.Unlock(context.WithoutCancel(ctx)) }
	if !l.works.begin(l.draining) {
		_ = unlock()
		return ErrClosed
	}
	defer l.works.running.Done()    // after the release
	defer func() { _ = unlock() }() // for a panic; it does nothing the second time
	work, cancel := context.WithCancelCause(lk.Context())
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	defer context.AfterFunc(l.draining, func() { cancel(ErrClosed) })()
	err = fn(work, lk)
	if lost := unlock(); errors.Is(lost, ErrLost) {
		return errors.Join(lost, err) // the reason first
	}
	return err
}
