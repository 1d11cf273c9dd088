package redlock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxSlots bounds how many voters' round trips one call may take.
const maxSlots = 1000

// TrySlot takes one of the slots of a name, of which there are so many: a semaphore. It tries one after the other, beginning
// anywhere, and fails with an error that matches [ErrNotAcquired] where all are held.
//
// A slot is a lock like any other, whose name is NAME:slot:1 and so on; [Lock.Name] says which. Its fencing token orders
// the holders of that slot and of no other, so a resource that checks tokens needs a register for each slot. All callers
// must give the same number; where they differ, the largest counts.
func (l *Locker) TrySlot(ctx context.Context, name string, slots int, opts ...LockOption) (*Lock, error) {
	if slots < 1 || slots > maxSlots {
		return nil, fmt.Errorf("%w: %d slots; use 1 to %d", ErrInvalidOption, slots, maxSlots)
	}
	first := int(l.jitter(int64(slots)))
	for i := range slots {
		lk, err := l.TryLock(ctx, slotName(name, (first+i)%slots), opts...)
		if err == nil {
			return lk, nil
		}
		if !errors.Is(err, ErrNotAcquired) || ctx.Err() != nil || i == slots-1 {
			return nil, err
		}
	}
	panic("unreachable: the last slot returns")
}

func slotName(name string, slot int) string { return fmt.Sprintf("%s:slot:%d", name, slot+1) }

// isSlot reports whether a lock's name is that of one of so many slots of name.
func isSlot(lock, name string, slots int) bool {
	digits, ok := strings.CutPrefix(lock, name+":slot:")
	slot, err := strconv.Atoi(digits)
	return ok && err == nil && slot >= 1 && slot <= slots
}

// LockSlot is TrySlot that waits for a slot as long as ctx allows, with growing random pauses. It isn't first come, first
// served, and a slot that is given back wakes nobody. Errors are those of [Locker.Lock]; [ErrReentrant] means that the same context's
// work in [Locker.DoSlot] holds all of the slots.
func (l *Locker) LockSlot(ctx context.Context, name string, slots int, opts ...LockOption) (*Lock, error) {
	if err := l.checkNestedSlots(ctx, name, slots); err != nil {
		return nil, err
	}
	caller := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.draining, func() { cancel(ErrClosed) })()
	var last error
	for pause := firstPause; ; pause = min(2*pause, maxWaitPause) {
		lk, err := l.TrySlot(caller, name, slots, opts...)
		if err == nil || permanent(err) {
			return lk, err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		timer := time.NewTimer(time.Duration(l.jitter(int64(pause))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, waitError(ctx, name, last)
		}
	}
}

// DoSlot is [Locker.Do] with a slot.
func (l *Locker) DoSlot(ctx context.Context, name string, slots int, fn func(context.Context, *Lock) error, opts ...LockOption) error {
	lk, err := l.LockSlot(ctx, name, slots, append([]LockOption{AutoRenew(true)}, opts...)...)
	if err != nil {
		return err
	}
	return l.work(ctx, lk, func(ctx context.Context) error { return fn(withHolds(ctx, lk), lk) })
}

// permanent reports whether an error stays however long one waits.
func permanent(err error) bool {
	for _, e := range []error{ErrUnfit, ErrMembership, ErrInvalidName, ErrInvalidOption, ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
