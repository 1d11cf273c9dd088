package redlock

import (
	"context"
	"fmt"
	"sync/atomic"
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

// doubts tells at which voters a request that plants the lock may still be under way. Its own
// answer settles the matter. After an error nobody knows: the request may sit in a stopped
// server's socket or in a retransmission, and a later one on a new connection can overtake it.
type doubts struct{ settled []atomic.Bool }

func newDoubts(voters int) *doubts { return &doubts{settled: make([]atomic.Bool, voters)} }

func (d *doubts) settle(voter int)     { d.settled[voter].Store(true) }
func (d *doubts) raise(voter int)      { d.settled[voter].Store(false) }
func (d *doubts) about(voter int) bool { return !d.settled[voter].Load() }

// release sends the release to every voter, also to those that refused or didn't answer, and
// goes on trying where it isn't certain that it was effective. It depends on no caller's
// context and returns at once; waiting for the ballot is up to the caller.
func (l *Locker) release(name, token string, ttl time.Duration, d *doubts) *quorum.Ballot[request, reply] {
	return l.group.Start(quorum.Poll[request, reply]{
		Request: request{op: opRelease, name: name, token: token, fenced: l.options.fencing},
		Key:     queueKey(name),
		Timeout: l.options.nodeTimeout,
		Until:   time.Now().Add(ttl + releasePatience),
		Persist: true,
		Judge: func(_ int, r reply) quorum.Vote {
			if r.status == statusOK {
				return quorum.Yes
			}
			return quorum.No
		},
		Repeat: func(voter int, a quorum.Answer[reply], sent int) (time.Duration, bool) {
			pause := min(l.options.nodeTimeout<<min(sent, 10), longestPause)
			switch {
			case a.Unsent():
				return 0, false
			case a.Err != nil:
				return pause, true
			default:
				return pause, a.Reply.status != statusOK && d.about(voter) && sent <= doubtfulRepeats
			}
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
// Unlock again returns the same as the first call.
func (lk *Lock) Unlock(ctx context.Context) error {
	l := lk.locker
	if lk.unlocking.CompareAndSwap(false, true) {
		start := l.options.clock.Now()
		lk.unlockErr = lk.doUnlock(ctx)
		close(lk.unlocked) // before the observer, which may panic or call Unlock
		l.observe(opRelease, lk.name, 1, l.options.clock.Now()-start, lk.unlockErr)
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

func (lk *Lock) doUnlock(ctx context.Context) error {
	l := lk.locker
	lost := lk.finish()
	outcome := l.release(lk.name, lk.token, lk.ttl, lk.doubts).Wait(ctx)
	if lost != nil {
		return lost
	}
	return l.releaseError(ctx, lk.name, outcome)
}

// releaseError tells a lock that was held until its release from one that a majority didn't
// hold any more. Whoever answered doesn't hold it now, so enough answers are a success.
func (l *Locker) releaseError(ctx context.Context, name string, o quorum.Outcome[reply]) error {
	e := l.quorumError(ctx, opRelease, name, o)
	released, refused := 0, 0
	for _, r := range e.Nodes {
		switch r.Outcome {
		case Granted:
			released++
		case Held, Gone:
			refused++
		}
	}
	switch {
	case refused >= e.Needed:
		e.Reason = ErrLost
	case released+refused >= e.Needed:
		return nil
	}
	return e
}
