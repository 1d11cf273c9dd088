package redlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

const (
	// releasePatience is how much longer than the lock's TTL a release is kept for a voter
	// that doesn't answer: an acquisition that waits in a stopped server's socket plants the
	// lock whenever the server goes on.
	releasePatience = time.Minute
	// doubtfulRepeats is how often a release that found nothing, or another's lock, is sent again
	// while an earlier request may still be on its way. The pauses double, beginning with the node time-out.
	doubtfulRepeats = 4
	longestPause    = time.Second
)

// release gives a lock back, and tells who waits for it in this process.
func (l *Locker) release(c *claim) *quorum.Ballot[*request, reply] {
	ballot := l.giveBack(c, false)
	l.turns.freed(c.name, holderOf(c.token))
	return ballot
}

// giveBack takes the request back where it wasn't sent yet, sends the release to every voter that may
// have the lock or get it yet, and goes on trying where it isn't certain that it was effective. It
// depends on no caller's context and returns at once; waiting for the ballot is up to the caller. The voters call none of
// those who wait if it's to be done silently.
func (l *Locker) giveBack(c *claim, silently bool) *quorum.Ballot[*request, reply] {
	if asked := c.underWay(); asked != nil {
		asked.Withdraw()
	}
	return l.start(quorum.Poll[*request, reply]{
		Request: &request{op: opRelease, name: c.name, token: c.token, fenced: l.options.fencing, silently: silently},
		Key:     queueKey(c.name),
		Timeout: l.patience(opRelease, queueKey(c.name)),
		Until:   time.Now().Add(c.life() + releasePatience),
		Persist: true,
		Urgent:  true,
		Voters:  c.suspects(),
		Seen: func(voter int, a quorum.Answer[reply]) quorum.Reaction {
			r := quorum.Reaction{Vote: vote(a), Pause: min(l.options.nodeTimeout<<min(a.Sent, 10), longestPause)}
			switch {
			case a.Unsent():
			case a.Err != nil:
				r.Again = true
			default:
				if a.Reply.value != 0 && !l.turns.stands(c.name) {
					l.contended.note(c.name, rival{nobody, true}) // it was called
				}
				r.Again = r.Vote != quorum.Yes && c.unsettled(voter) && a.Sent <= doubtfulRepeats
			}
			return r
		},
	})
}

// Unlock releases the lock on every voter and ends [Lock.Context]. It returns when a majority
// has answered, at the latest after the node time-out; the other voters are released in the
// background, and voters that don't answer are asked again.
//
// It returns nil if the lock was held up to now, [ErrLost] if it was not (then another may
// have held it at the same time), and a [*QuorumError] matching [ErrNoQuorum] if too few voters
// answered: then the lock may go on to exist until its TTL ends, though this handle is done
// with it either way. A context that is done ends the waiting and not the release. Calling
// Unlock again returns the same as the first call. A lock with [AtLeast] stays on the voters for as long as that says,
// while this handle is done with it; where a majority doesn't agree to that, the error is that of [Lock.Extend]. Unlock on a nil Lock is an error that matches ErrLost.
// [Lock.Context], and the context of work in [Locker.Do], may be given, though the release is what ends them.
func (lk *Lock) Unlock(ctx context.Context) error {
	if lk == nil {
		return errNoLock
	}
	ctx, done := outliving(ctx, lk)
	defer done()
	if !lk.told.CompareAndSwap(false, true) {
		return lk.unlockOnce(ctx, &observation{})
	}
	// Where a hook panics the lock is released all the same; where it calls Unlock, that one does it.
	defer func() { _ = lk.unlockOnce(ctx, &observation{}) }()
	seen := lk.locker.begin(ctx, opRelease, lk.name, lk)
	err := lk.unlockOnce(ctx, &seen)
	lk.locker.done(&seen, err)
	return err
}

func (lk *Lock) unlockOnce(ctx context.Context, seen *observation) error {
	if lk.unlocking.CompareAndSwap(false, true) {
		lk.unlockErr = lk.doUnlock(ctx, seen)
		close(lk.unlocked)
		return lk.unlockErr
	}
	// A channel and not a sync.Once: whoever comes second can still be cancelled.
	select {
	case <-lk.unlocked:
		return lk.unlockErr
	case <-ctx.Done():
		return fmt.Errorf("redlock: release %q: %w", lk.name, ctx.Err())
	}
}

func (lk *Lock) doUnlock(ctx context.Context, seen *observation) error {
	l := lk.locker
	window := lk.promised()
	lost := lk.finish()
	if left := lk.owed(); lost == nil && left > 0 {
		return lk.keep(ctx, seen, window, left)
	}
	seen.rounds++
	seen.decided = decision{Outcome: l.release(&lk.claim).Wait(ctx), op: opRelease}
	if lost != nil {
		return lost
	}
	err := l.releaseError(ctx, lk.name, seen.decided.Outcome)
	if errors.Is(err, ErrLost) {
		l.lost(lk, err)
	}
	return err
}

// releaseError tells a lock that was held until its release from one that a majority didn't
// hold any more. Whoever answered doesn't hold it now, so enough answers are a success.
func (l *Locker) releaseError(ctx context.Context, name string, o quorum.Outcome[reply]) error {
	refused := func(voter int) bool { // or it never had the lock
		a := o.Answers[voter]
		return vote(a) == quorum.No || errors.Is(a.Err, quorum.ErrNotSent)
	}
	lost := l.electorate().Some(refused)
	if !lost && l.electorate().Majority(func(voter int) bool { return refused(voter) || vote(o.Answers[voter]) == quorum.Yes }) {
		return nil
	}
	e := l.quorumError(ctx, name, l.judge(opRelease, o, false))
	if lost {
		e.Reason = ErrLost
	}
	return e
}
