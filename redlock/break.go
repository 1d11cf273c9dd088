package redlock

import (
	"context"
	"errors"
	"fmt"

	"github.com/a5bbb083/redlock/quorum"
)

// Break releases, on every voter, the lock of the name that has this token (see [Lock.Token]), whoever took
// it. It's for people who know that the holder is gone and don't want to wait for the lock to run out.
//
// A holder that still lives isn't stopped: it hears of it at its next [Lock.Extend], at a third of the TTL for
// one that renews, and another may have the lock by then. Only a resource that checks the fencing token is safe
// meanwhile.
//
// It returns nil if a voter gave the lock back and no majority has it any more, a [*QuorumError] matching
// [ErrLost] if enough voters answered and none had a lock with that token, and one matching [ErrNoQuorum] if
// too few answered.
func (l *Locker) Break(ctx context.Context, name, token string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if token == "" {
		return fmt.Errorf("%w: the token is empty; give that of the lock to break", ErrInvalidOption)
	}
	seen := l.begin(ctx, opRelease, name, nil)
	err := l.breakUp(&seen, token)
	l.done(&seen, err) // after all else: the hook may close the locker
	return err
}

func (l *Locker) breakUp(seen *observation, token string) error {
	if !l.busy.begin(l.draining) {
		return ErrClosed
	}
	defer l.busy.running.Done()
	// No request of this locker is under way that plants the lock, so a voter's first answer settles it.
	c := claim{name: seen.name, token: token, standing: standing{sites: make([]site, len(l.nodes))}}
	for voter := range c.sites {
		c.sites[voter] = site{said: present}
	}
	seen.rounds++
	seen.decided = decision{Outcome: l.release(&c).Wait(seen.ctx), op: opRelease}
	return l.brokenError(seen.ctx, seen.name, seen.decided.Outcome)
}

func (l *Locker) brokenError(ctx context.Context, name string, o quorum.Outcome[reply]) error {
	err := l.releaseError(ctx, name, o)
	for _, a := range o.Answers {
		if vote(a) == quorum.Yes && errors.Is(err, ErrLost) {
			return nil // a minority had it, which nobody could hold
		}
	}
	return err
}
