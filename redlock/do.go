package redlock

import (
	"context"
	"errors"
	"fmt"
)

// Do runs fn while holding the lock: it waits for it as [Locker.Lock] does, renews it, and
// releases it when fn has returned, or panicked. The context that fn gets is the caller's, with its values and its deadline, and is
// done as well when the lock is lost, when its proven deadline passes, and when [Locker.Shutdown] or
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
	return l.work(ctx, lk, func(ctx context.Context) error { return fn(withHolds(ctx, lk), lk) })
}

// held is what work runs under: a lock, or several.
type held interface {
	Context() context.Context
	Unlock(ctx context.Context) error
	forgo(ctx context.Context)
}

// work runs fn, and gives back what it runs under.
func (l *Locker) work(ctx context.Context, h held, fn func(context.Context) error) error {
	unlock := func() error { return h.Unlock(context.WithoutCancel(ctx)) }
	if !l.works.begin(l.draining) {
		h.forgo(context.WithoutCancel(ctx))
		return ErrClosed
	}
	defer l.works.running.Done()    // after the release
	defer func() { _ = unlock() }() // for a panic; it does nothing the second time
	// The caller's context, and not the lock's: drivers read its deadline, and whether it was that which ended it.
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.Context(), func() { cancel(context.Cause(h.Context())) })()
	defer context.AfterFunc(l.draining, func() { cancel(ErrClosed) })()
	err := fn(work)
	if lost := unlock(); errors.Is(lost, ErrLost) && err != lost { // said twice it would be no clearer
		return errors.Join(lost, err) // the reason first
	}
	return err
}

// holds are the locks that a context's work runs under, the last one first.
type holds struct {
	lock  *Lock
	outer *holds
}

type holdsKey struct{}

func withHolds(ctx context.Context, locks ...*Lock) context.Context {
	all := holdsOf(ctx)
	for _, lk := range locks {
		all = &holds{lk, all}
	}
	return context.WithValue(endingWith(ctx, locks...), holdsKey{}, all)
}

func holdsOf(ctx context.Context) *holds {
	h, _ := ctx.Value(holdsKey{}).(*holds)
	return h
}

// checkNestedSlots refuses to wait for a slot where all of them are held by the work that asks.
func (l *Locker) checkNestedSlots(ctx context.Context, name string, slots int) error {
	held := 0
	for h := holdsOf(ctx); h != nil; h = h.outer {
		if h.lock.locker == l && isSlot(h.lock.name, name, slots) && h.lock.Valid() {
			held++
		}
	}
	if held == 0 || held < slots {
		return nil
	}
	return fmt.Errorf("%w: all %d slots of %q are held by the work that asks for one; hand on a *Lock", ErrReentrant, slots, name)
}

// checkNested refuses to wait for a lock that can't come free before the wait has ended.
func (l *Locker) checkNested(ctx context.Context, name string) error {
	for h := holdsOf(ctx); h != nil; h = h.outer {
		if h.lock.locker == l && h.lock.name == name && h.lock.Valid() {
			return fmt.Errorf("%w: %q is held by the work that asks for it; locks aren't reentrant, so hand on the *Lock, or lock once around both", ErrReentrant, name)
		}
	}
	return nil
}
