package redlock

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// Lock is one acquisition of a lock. A second acquisition of the same name is another Lock.
// It is safe for concurrent use.
type Lock struct {
	locker *Locker
	claim
	fence   int64
	since   time.Duration // by the clock: when it was acquired
	atLeast time.Duration // for how long the voters keep it from then on, if it isn't lost
	limit   time.Duration // by the clock: the lock ends then, however often it's extended

	ctx    context.Context
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	window   clockdrift.Window
	deadline guard.Time // of the window, by the agreed time; 0 without guards
	loss     error      // why the lock is no longer held; nil while it's held
	expiry   *time.Timer
	renewal  *time.Timer // nil if it isn't renewed
	healing  *time.Timer
	pause    time.Duration // of healing

	told      atomic.Bool // the hooks have heard of the release
	unlocking atomic.Bool
	unlocked  chan struct{} // closed when unlockErr is there
	unlockErr error
}

var errReleased = fmt.Errorf("%w: released by Unlock", ErrLost)

// begin begins the life of a lock that a majority has granted.
func (lk *Lock) begin(ctx context.Context, lo lockOptions) {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	now := lk.locker.options.clock.Now()
	lk.since, lk.limit, lk.atLeast = now, math.MaxInt64, lo.atLeast
	if lo.limited {
		lk.limit = now + min(lo.maxHold, math.MaxInt64-now)
		lk.window = lk.window.Until(lk.limit)
	}
	lk.unlocked = make(chan struct{})
	// The acquisition's context bounds the acquisition. Its end mustn't end the lock.
	lk.ctx, lk.cancel = context.WithCancelCause(endingWith(context.WithoutCancel(ctx), lk))
	lk.expiry = time.AfterFunc(lk.window.Remaining(now), lk.expire)
	lk.locker.turns.took(lk.name, holderOf(lk.token))
	lk.startHealing()
	if lo.renew {
		lk.renewal = time.AfterFunc(lk.ttl/3, lk.renew)
	}
}

// Name returns the name that is locked.
func (lk *Lock) Name() string { return lk.name }

// Token returns the random value that marks this acquisition on the voters.
func (lk *Lock) Token() string { return lk.token }

// Fence returns the fencing token: larger than that of every acquisition of the same name that
// had completed before this one started. Hand it to the resource with each write, and let the
// resource refuse a write with a smaller token than it has seen; see the package fence. It's 0
// for a locker with [WithoutFencing].
func (lk *Lock) Fence() int64 { return lk.fence }

// Context returns a context that is done when the lock is released, when it's lost, or at its
// proven deadline; the cause is [context.Canceled] or an error matching [ErrLost]. It carries the values
// of the acquisition's context, but not its cancellation or deadline.
//
// It is cancelled by a timer, and timers may lag, after the process or the machine was
// stopped above all: check [Lock.Valid] right before what must not happen without the lock.
func (lk *Lock) Context() context.Context { return lk.ctx }

// Valid reports whether the lock may be trusted at this moment. It reads the clock and asks
// nobody. What happens between the check and what follows it, it can't know.
func (lk *Lock) Valid() bool { return lk.Remaining() > 0 }

// Remaining returns for how long the lock may be trusted from now on; 0 if it's lost or released.
func (lk *Lock) Remaining() time.Duration {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	return lk.remaining()
}

func (lk *Lock) remaining() time.Duration {
	if lk.loss != nil {
		return 0
	}
	return lk.window.Remaining(lk.locker.options.clock.Now())
}

// expire runs when the timer thinks that the deadline has come; the clock has the last word.
func (lk *Lock) expire() {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	if lk.loss != nil {
		return
	}
	if left := lk.remaining(); left > 0 {
		lk.expiry.Reset(left)
		return
	}
	lk.loseByTime()
}

// loseByTime ends the lock when its window has closed. The caller holds mu.
func (lk *Lock) loseByTime() {
	if lk.window.Deadline() < lk.limit {
		lk.lose(fmt.Errorf("%w: %q reached its deadline", ErrLost, lk.name))
		return
	}
	lk.lose(fmt.Errorf("%w: %q", ErrHeldTooLong, lk.name))
	lk.locker.release(&lk.claim)
}

// lose ends the lock for good. The caller holds mu.
func (lk *Lock) lose(cause error) {
	if lk.loss == nil {
		lk.loss = cause
		lk.retire()
		lk.cancel(cause)
		lk.locker.lost(lk, cause)
	}
}

// retire is called when the lock is over. The caller holds mu.
func (lk *Lock) retire() {
	lk.locker.turns.over(lk.name, holderOf(lk.token))
	lk.expiry.Stop()
	lk.healing.Stop()
	if lk.renewal != nil {
		lk.renewal.Stop()
	}
}

// stopRenewing ends the renewals, if there are any.
func (lk *Lock) stopRenewing() {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	if lk.renewal != nil {
		lk.renewal.Stop()
		lk.renewal = nil
	}
}

// lossOf returns why the lock is no longer held, which nobody may have noticed yet.
func (lk *Lock) lossOf() error {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	if lk.loss == nil && lk.remaining() == 0 {
		lk.loseByTime()
	}
	return lk.loss
}

// finish ends the lock on behalf of Unlock and returns an error if it was lost before.
func (lk *Lock) finish() error {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	if lk.loss == nil && lk.remaining() == 0 {
		lk.loseByTime()
	}
	if lk.loss != nil {
		return lk.loss
	}
	lk.loss = errReleased
	lk.retire()
	lk.cancel(nil) // released on purpose: the cause is context.Canceled
	return nil
}

// Extend gives the lock its full TTL again, counted from now. It returns within the node
// time-out, and it succeeds only if a majority of the voters still holds the lock and the
// present deadline hasn't passed when they have answered: an expired lock is never revived.
// Voters that don't have the lock are then offered it again in the background, as they are
// after the acquisition.
//
// It returns [ErrLost] if the lock is lost, and a [*QuorumError] matching [ErrNoQuorum] if
// too few voters answered. In the latter case the lock stays valid until its present deadline,
// and Extend may be called again.
func (lk *Lock) Extend(ctx context.Context) error {
	if lk == nil {
		return errNoLock
	}
	return lk.extendFor(ctx, lk.ttl)
}

// extendFor extends the lock and tells the hooks.
func (lk *Lock) extendFor(ctx context.Context, ttl time.Duration) error {
	l := lk.locker
	seen := l.begin(ctx, opExtend, lk.name, lk)
	err := lk.extend(ctx, &seen, ttl)
	l.done(&seen, err)
	return err
}

func (lk *Lock) extend(ctx context.Context, seen *observation, ttl time.Duration) error {
	l := lk.locker
	lk.mu.Lock()
	current, loss := lk.window, lk.loss
	lk.mu.Unlock()
	if loss != nil {
		return loss
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("redlock: extend %q: %w", lk.name, err)
	}
	if err := l.knowTime(ctx, opExtend, lk.name); err != nil {
		return err
	}
	e := lk.askForMore(ctx, seen, current, ttl)
	return lk.conclude(ctx, seen, e)
}

// askForMore asks all voters to extend the lock, while the current window lasts, and waits for the outcome. It returns what that
// promises if a majority agrees. The time is known.
func (lk *Lock) askForMore(ctx context.Context, seen *observation, current clockdrift.Window, ttl time.Duration) extension {
	l := lk.locker
	start := l.options.clock.Now()
	now := l.at(start)
	e := extension{window: l.options.window(start, ttl)}
	if l.guard != nil {
		e.deadline = now.Latest.After(ttl)
	}
	lk.mayLive(ttl)
	poll := l.poll(lk.extendRequest(ttl, false, e.deadline, now), current)
	poll.Urgent, poll.After = true, lk.underWay()
	poll.Seen = func(voter int, a quorum.Answer[reply]) quorum.Reaction {
		lk.answeredExtension(voter, a)
		return quorum.Reaction{Vote: vote(a)}
	}
	seen.rounds++
	seen.decided = decision{Outcome: l.start(poll).Wait(ctx), op: opExtend}
	return e
}

// extension is what an extension promises if a majority agrees.
type extension struct {
	window   clockdrift.Window
	deadline guard.Time
}

func (lk *Lock) extendRequest(ttl time.Duration, restore bool, deadline guard.Time, now guard.Span) *request {
	op := opExtend
	if !lk.locker.options.fencing {
		op = opExtendPlain
	}
	return &request{
		op: op, name: lk.name, token: lk.token, ttl: ttl, fenced: lk.locker.options.fencing, fence: lk.fence,
		restore: restore, deadline: deadline, now: now, owner: lk.owner, members: lk.locker.members,
	}
}

// heed ends the window sooner if the voters' replies show that the clock stood still since it began. The caller holds mu.
func (lk *Lock) heed() {
	if lk.locker.guard == nil {
		return
	}
	if w := lk.locker.guard.Shorten(lk.window, lk.deadline); w != lk.window {
		lk.window = w
		lk.expiry.Reset(lk.remaining())
	}
}

// conclude counts the answers to an extension. The present deadline is read again here, and
// not the new one: until the majority is proven, the old promise is all there is.
func (lk *Lock) conclude(ctx context.Context, seen *observation, e extension) error {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	if lk.loss != nil {
		return lk.loss
	}
	lk.heed()
	if lk.remaining() == 0 {
		lk.loseByTime()
		return lk.loss
	}
	if seen.decided.Result != quorum.Won {
		seen.decided = lk.locker.judge(opExtend, seen.decided.Outcome, false)
		err := lk.locker.quorumError(ctx, lk.name, seen.decided)
		if err.Reason == ErrLost {
			lk.lose(err)
		}
		return err
	}
	if later, overtaken := lk.overtaken(lk.locker.electorate(), lk.fence); overtaken {
		lk.lose(fmt.Errorf("%w: %q: a majority of the voters has granted it to another, with fencing token %d after %d", ErrLost, lk.name, later, lk.fence))
		return lk.loss
	}
	e.window = lk.locker.trust(e.window, e.deadline)
	if !e.window.Open(lk.locker.options.clock.Now()) {
		seen.decided = lk.locker.judge(opExtend, seen.decided.Outcome, true)
		return lk.locker.quorumError(ctx, lk.name, seen.decided)
	}
	e.window = e.window.Until(lk.limit)
	if e.window.Deadline() > lk.window.Deadline() {
		lk.window, lk.deadline = e.window, e.deadline
		lk.expiry.Reset(lk.remaining())
	}
	lk.offerTo(lk.missing(false))
	lk.startHealing()
	return nil
}
