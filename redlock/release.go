package redlock

import (
	"context"
	"errors"
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
type doubts struct{ settled, offered []atomic.Bool }

func newDoubts(voters int) *doubts {
	return &doubts{settled: make([]atomic.Bool, voters), offered: make([]atomic.Bool, voters)}
}

func (d *doubts) settle(voter int)     { d.settled[voter].Store(true) }
func (d *doubts) raise(voter int)      { d.settled[voter].Store(false) }
func (d *doubts) offer(voter int)      { d.offered[voter].Store(true) }
func (d *doubts) about(voter int) bool { return !d.settled[voter].Load() }

// trace is what an acquisition may have left at the voters.
type trace struct {
	doubts *doubts
	places *places
	asked  *quorum.Ballot[request, reply] // the acquisition
}

// voters returns where the lock may be, or may yet come to be: all but those that the request
// was never sent to, and those that refused it.
func (t trace) voters() []int {
	voters := make([]int, 0, len(t.places.at)) // not nil, which would mean all
	for voter := range t.places.at {
		// In this order: a grant is noted before the doubt is settled.
		if t.doubts.about(voter) || t.doubts.offered[voter].Load() || t.places.present(voter) {
			voters = append(voters, voter)
		}
	}
	return voters
}

// release takes the request back where it wasn't sent yet, sends the release to every voter that may
// have the lock or get it yet, and goes on trying where it isn't certain that it was effective. It
// depends on no caller's context and returns at once; waiting for the ballot is up to the caller.
func (l *Locker) release(name, token string, ttl time.Duration, t trace) *quorum.Ballot[request, reply] {
	if t.asked != nil {
		t.asked.Withdraw()
	}
	d := t.doubts
	return l.group.Start(quorum.Poll[request, reply]{
		Request: request{op: opRelease, name: name, token: token, fenced: l.options.fencing},
		Key:     queueKey(name),
		Timeout: l.options.nodeTimeout,
		Until:   time.Now().Add(ttl + releasePatience),
		Persist: true,
		Urgent:  true,
		Voters:  t.voters(),
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
		seen := l.begin(opRelease, lk.name)
		lk.unlockErr = lk.doUnlock(ctx, &seen)
		close(lk.unlocked) // before the observer, which may panic or call Unlock
		l.observe(seen, lk.unlockErr)
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
	lost := lk.finish()
	seen.outcome = l.release(lk.name, lk.token, lk.ttl, lk.trace).Wait(ctx)
	l.turns.freed(lk.name)
	if lost != nil {
		return lost
	}
	return l.releaseError(ctx, lk.name, seen.outcome)
}

// releaseError tells a lock that was held until its release from one that a majority didn't
// hold any more. Whoever answered doesn't hold it now, so enough answers are a success.
func (l *Locker) releaseError(ctx context.Context, name string, o quorum.Outcome[reply]) error {
	e := l.quorumError(ctx, opRelease, name, o)
	released, refused := 0, 0
	for _, r := range e.Nodes {
		switch {
		case r.Outcome == Granted:
			released++
		case r.Outcome == Held || r.Outcome == Gone || errors.Is(r.Err, quorum.ErrNotSent): // it never had the lock
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
