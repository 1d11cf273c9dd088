package redlock

import (
	"context"
	"errors"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
)

// owed returns for how much longer the voters have to keep others out when the lock is given back now, see [AtLeast].
func (lk *Lock) owed() time.Duration {
	return max(lk.atLeast-(lk.locker.options.clock.Now()-lk.since), 0)
}

// forgo gives back a lock that no work has begun under, so AtLeast doesn't count. Nobody else has the lock. If the release
// fails, it runs out.
func (lk *Lock) forgo(ctx context.Context) {
	lk.atLeast = 0
	_ = lk.Unlock(ctx)
}

// promised returns the window of the lock, in which a majority of the voters has it.
func (lk *Lock) promised() clockdrift.Window {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	return lk.window
}

// keep leaves a lock that its owner is done with on the voters for so much longer, and releases it then. If the process is gone
// by then, the lock runs out. Nobody believes in it any more, so it may be longer than MaxTTL.
func (lk *Lock) keep(ctx context.Context, seen *observation, window clockdrift.Window, left time.Duration) error {
	l := lk.locker
	time.AfterFunc(left, func() { l.release(&lk.claim) })
	if window.Remaining(l.options.clock.Now()) >= left {
		return nil
	}
	ttl := (left + time.Millisecond - 1).Truncate(time.Millisecond) // servers count in these; up, to cover what was asked for
	err := lk.prolong(ctx, seen, window, ttl)
	if errors.Is(err, ErrLost) {
		l.lost(lk, err)
	}
	return err
}

// prolong extends a lock that its owner is done with.
func (lk *Lock) prolong(ctx context.Context, seen *observation, window clockdrift.Window, ttl time.Duration) error {
	l := lk.locker
	if err := l.knowTime(context.WithoutCancel(ctx), opExtend, lk.name); err != nil {
		return err
	}
	lk.askForMore(ctx, seen, window, ttl) // nobody believes in it, whatever is promised
	if seen.decided.Result == quorum.Won {
		return nil
	}
	seen.decided = l.judge(opExtend, seen.decided.Outcome, false)
	return l.quorumError(ctx, lk.name, seen.decided)
}
