package redlock

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// Resume takes over a lock that another process, or another locker, has taken and hands on: name, token and fencing token
// are those of its [Lock]. The lock is extended at once, which proves that a majority of the voters still holds it; its validity
// counts from that extension. From then on the former handle mustn't be used any more. It isn't told of what happens here, and would
// give back or lose a lock that isn't its own any longer.
//
// It returns an error that matches [ErrLost] where a majority of the voters doesn't hold the lock. The options are those of an acquisition;
// MaxHold and AtLeast count from now.
func (l *Locker) Resume(ctx context.Context, name, token string, fence int64, opts ...LockOption) (*Lock, error) {
	lo, err := l.check(ctx, opAcquire, name, opts)
	if err != nil {
		return nil, err
	}
	if err := l.checkHandedOn(token, fence); err != nil {
		return nil, err
	}
	lk := l.newLock(name, token, lo)
	lk.fence, lk.since = fence, l.options.clock.Now()
	for voter := range lk.sites {
		lk.sites[voter].unsettled = 1 // the other process's request may still be on its way, and nobody here will hear
	}
	seen := l.begin(ctx, opExtend, name, lk)
	if err := lk.resume(ctx, &seen, lo); err != nil {
		l.done(&seen, err)
		return nil, err
	}
	return l.handOut(&seen, lk, nil)
}

// checkHandedOn refuses what no lock has. A fencing token that's too large would raise the voters' registers for good.
func (l *Locker) checkHandedOn(token string, fence int64) error {
	const largest = 1<<53 - 1
	if b, err := hex.DecodeString(token); err != nil || len(b) != 16 {
		return fmt.Errorf("%w: token %q; use what Lock.Token returned, 32 hexadecimal digits", ErrInvalidOption, token)
	}
	switch {
	case !l.options.fencing && fence != 0:
		return fmt.Errorf("%w: fencing token %d, but this locker has WithoutFencing; use 0", ErrInvalidOption, fence)
	case l.options.fencing && (fence < 1 || fence > largest):
		return fmt.Errorf("%w: fencing token %d; use what Lock.Fence returned, from 1 to %d", ErrInvalidOption, fence, int64(largest))
	}
	return nil
}

func (lk *Lock) resume(ctx context.Context, seen *observation, lo lockOptions) error {
	l := lk.locker
	if err := l.enter(ctx, opExtend, lk.name); err != nil {
		return err
	}
	defer l.leave()
	if !l.busy.begin(l.draining) {
		return ErrClosed
	}
	defer l.busy.running.Done()
	if err := l.knowTime(ctx, opExtend, lk.name); err != nil {
		return err
	}
	// No earlier promise is known, so the new one bounds the extension, as it does an acquisition. A voter says yes only
	// if nobody else has had the name since.
	start := l.options.clock.Now()
	now := l.at(start)
	lk.window = l.options.window(start, lo.ttl)
	if l.guard != nil {
		lk.deadline = now.Latest.After(lo.ttl)
	}
	poll := l.poll(lk.extendRequest(lo.ttl, false, lk.deadline, now), lk.window)
	poll.Urgent = true
	poll.Seen = func(voter int, a quorum.Answer[reply]) quorum.Reaction {
		lk.answeredExtension(voter, a)
		return quorum.Reaction{Vote: vote(a)}
	}
	seen.attempts++
	if !lk.count(ctx, seen, opExtend, l.start(poll)) {
		return l.quorumError(ctx, lk.name, seen.decided)
	}
	if later, overtaken := lk.overtaken(l.electorate(), lk.fence); overtaken {
		return fmt.Errorf("%w: %q: a majority of the voters has granted it to another, with fencing token %d after %d", ErrLost, lk.name, later, lk.fence)
	}
	lk.begin(ctx, lo)
	return nil
}

// errNoLock is what the methods of a lock that isn't there return: the error of its acquisition was overlooked.
var errNoLock = fmt.Errorf("%w: there's no lock, since its acquisition failed; look at the error that it returned", ErrLost)

// ExtendTo is [Lock.Extend] with another TTL, for this once: later extensions and renewals ask for the lock's own again, and
// none shortens what it has. It takes at most the locker's MaxTTL.
func (lk *Lock) ExtendTo(ctx context.Context, ttl time.Duration) error {
	if lk == nil {
		return errNoLock
	}
	ttl, err := lk.locker.options.checkTTL(ttl)
	if err != nil {
		return err
	}
	return lk.extendFor(ctx, ttl)
}
