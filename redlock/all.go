package redlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Locks are locks of several names that are held together, see [Locker.LockAll]. They are safe for concurrent use.
type Locks struct {
	locks  []*Lock // sorted by name
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// TryLockAll makes one attempt for each of the names, and returns with all of the locks or with none. Names are sorted and
// count once, so the order in which callers give them doesn't matter. The attempts are made one after the other, in that
// order: of two callers with a name in common, one gets it.
//
// Each name has a lock of its own, with a token of its own. The options are for each of them. Locks that aren't renewed have at
// least two thirds of their TTL left at the end, less the time of a renewal.
func (l *Locker) TryLockAll(ctx context.Context, names []string, opts ...LockOption) (*Locks, error) {
	return l.lockAll(ctx, names, opts, l.TryLock)
}

// LockAll is TryLockAll that waits for each of the names as [Locker.Lock] does. It holds, and renews, those that it has while it waits for
// the next. As all callers go by the same order, they can't wait for each other in a circle. A caller that holds one of the
// names and calls LockAll for others can.
func (l *Locker) LockAll(ctx context.Context, names []string, opts ...LockOption) (*Locks, error) {
	return l.lockAll(ctx, names, opts, l.Lock)
}

// DoAll is [Locker.Do] with the locks of [Locker.LockAll]. The context ends with the first loss.
func (l *Locker) DoAll(ctx context.Context, names []string, fn func(context.Context, *Locks) error, opts ...LockOption) error {
	ls, err := l.LockAll(ctx, names, append([]LockOption{AutoRenew(true)}, opts...)...)
	if err != nil {
		return err
	}
	return l.work(ctx, ls, func(ctx context.Context) error {
		return fn(withHolds(ctx, ls.locks...), ls)
	})
}

func (l *Locker) lockAll(ctx context.Context, names []string, opts []LockOption, take func(context.Context, string, ...LockOption) (*Lock, error)) (*Locks, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no names; give at least 1", ErrInvalidName)
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	renew := false
	for _, name := range names { // all of them, before the first is taken
		lo, err := l.check(ctx, opAcquire, name, opts)
		if err != nil {
			return nil, err
		}
		renew = lo.renew
	}
	ls := &Locks{}
	defer func() {
		if ls.ctx == nil { // also where a hook panics
			ls.forgo(context.WithoutCancel(ctx))
		}
	}()
	for _, name := range names {
		lk, err := take(ctx, name, append(slices.Clone(opts), AutoRenew(true))...)
		if err != nil {
			return nil, err
		}
		ls.locks = append(ls.locks, lk)
	}
	for _, lk := range ls.locks {
		if !renew {
			lk.stopRenewing()
		}
		if err := lk.lossOf(); err != nil {
			return nil, fmt.Errorf("redlock: while waiting for the last of %d names: %w", len(names), err)
		}
	}
	ls.begin(ctx)
	return ls, nil
}

// begin ties the locks together.
func (ls *Locks) begin(ctx context.Context) {
	ls.ctx, ls.cancel = context.WithCancelCause(endingWith(context.WithoutCancel(ctx), ls.locks...))
	for _, lk := range ls.locks {
		context.AfterFunc(lk.Context(), func() { ls.cancel(context.Cause(lk.Context())) })
	}
}

// Names returns the names that are locked, sorted, each once.
func (ls *Locks) Names() []string {
	names := make([]string, len(ls.locks))
	for i, lk := range ls.locks {
		names[i] = lk.name
	}
	return names
}

// Lock returns the lock of a name; nil if that isn't one of those.
func (ls *Locks) Lock(name string) *Lock {
	for _, lk := range ls.locks {
		if lk.name == name {
			return lk
		}
	}
	return nil
}

// Fence returns the fencing token of a name's lock, see [Lock.Fence]. Tokens are ordered for one name only, so each resource has
// to be given that of its own name. It's 0 for a name that isn't one of those.
func (ls *Locks) Fence(name string) int64 {
	if lk := ls.Lock(name); lk != nil {
		return lk.fence
	}
	return 0
}

// Context returns a context that is done when the first of the locks is, see [Lock.Context].
func (ls *Locks) Context() context.Context { return ls.ctx }

// Valid reports whether all of the locks may be trusted at this moment.
func (ls *Locks) Valid() bool { return ls.Remaining() > 0 }

// Remaining returns for how long all of the locks may be trusted from now on.
func (ls *Locks) Remaining() time.Duration {
	left := ls.locks[0].Remaining()
	for _, lk := range ls.locks[1:] {
		left = min(left, lk.Remaining())
	}
	return left
}

// Extend extends all of the locks, as [Lock.Extend] does. It returns the errors of those that it couldn't extend.
func (ls *Locks) Extend(ctx context.Context) error {
	if ls == nil {
		return errNoLock
	}
	return ls.each(func(lk *Lock) error { return lk.Extend(ctx) })
}

// Unlock releases all of the locks, as [Lock.Unlock] does, and returns the errors of those that it couldn't release, or that were
// lost before.
func (ls *Locks) Unlock(ctx context.Context) error {
	if ls == nil {
		return errNoLock
	}
	ctx, done := outliving(ctx, ls.locks...) // before the first release ends it
	defer done()
	return ls.each(func(lk *Lock) error { return lk.Unlock(ctx) })
}

func (ls *Locks) forgo(ctx context.Context) {
	for _, lk := range ls.locks {
		lk.forgo(ctx)
	}
}

// each does something to all of the locks at once.
func (ls *Locks) each(do func(*Lock) error) error {
	errs := make([]error, len(ls.locks))
	done := make(chan struct{})
	for i, lk := range ls.locks[1:] {
		go func() { // awaited below
			defer func() { done <- struct{}{} }()
			errs[i+1] = do(lk)
		}()
	}
	errs[0] = do(ls.locks[0])
	for range ls.locks[1:] {
		<-done
	}
	return errors.Join(errs...)
}
