package redlock

import (
	"context"
	"errors"
)

// Lead takes part in an election: it waits until it's elected, runs lead, and stands again whenever it has lost the office. It
// returns when ctx is done, and otherwise as soon as lead returns while it's in office, with lead's error: that's resigning, and
// another is elected at once.
//
// The lock's fencing token is the term: it's larger than that of every leader before. The context that lead gets ends
// when somebody else may lead; see [Locker.Do]. Lead doesn't stand again before lead has returned, so no two terms
// overlap here, but a lead that ignores its context overlaps with another's. Give the term to whatever the leader writes to.
//
// [MaxHold] limits a term; the leader that it ends stands again, and others may be faster.
func (l *Locker) Lead(ctx context.Context, name string, lead func(context.Context, *Lock) error, opts ...LockOption) error {
	for {
		var office *Lock
		err := l.Do(ctx, name, func(ctx context.Context, lk *Lock) error {
			office = lk
			return lead(ctx, lk)
		}, opts...)
		if ctx.Err() != nil || !errors.Is(err, ErrLost) || l.draining.Err() != nil {
			return err
		}
		// Do has released the lock, and Unlock says once more what that found.
		if office != nil && !errors.Is(office.Unlock(ctx), ErrLost) {
			return err // it tells of another lock's loss
		}
	}
}

// Leader returns who is in office, as [WithOwner] or [Owner] has it, and the term; both are zero if nobody is. Whoever
// has no such text is told by the term alone. It's [Locker.Inspect] in short, and fails as that does.
func (l *Locker) Leader(ctx context.Context, name string) (owner string, term int64, err error) {
	h, err := l.Inspect(ctx, name)
	return h.Owner, h.Fence, err
}
