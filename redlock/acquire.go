package redlock

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
)

// randomToken returns 128 random bits: enough that no two attempts ever share a token.
func randomToken() (hi, lo uint64) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails; it ends the program instead
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// TryLock makes one attempt to take the lock. It returns within the node time-out, or twice
// that where the voters granted different fencing values. While 128 attempts of the locker are under
// way it waits for its turn before that, as long as ctx allows; the error says so when that ends first.
//
// It fails with a [*QuorumError] that matches [ErrNotAcquired] where another holds the lock
// and [ErrNoQuorum] where too few voters answered in time. A failed attempt is released on
// every voter that may have granted it, in the background, however late a voter's answer comes.
func (l *Locker) TryLock(ctx context.Context, name string, opts ...LockOption) (*Lock, error) {
	lo, err := l.check(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	return l.attempt(ctx, name, lo)
}

// check looks at everything that can be known before a request is sent.
func (l *Locker) check(ctx context.Context, name string, opts []LockOption) (lockOptions, error) {
	if err := checkName(name); err != nil {
		return lockOptions{}, err
	}
	if l.slots {
		if err := checkSlot(name); err != nil {
			return lockOptions{}, err
		}
	}
	lo, err := l.options.forLock(opts)
	if err != nil {
		return lo, err
	}
	if l.draining.Err() != nil {
		return lo, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return lo, fmt.Errorf("redlock: acquire %q: %w", name, err)
	}
	return lo, nil
}

// attempt is one acquisition under way.
type attempt struct {
	locker *Locker
	name   string
	token  string
	lockOptions
	window   clockdrift.Window
	deadline unixMicro // until when it can be believed in, by the agreed time; 0 without guards
	now      span      // when it began
	rounds   int
	outcome  quorum.Outcome[reply] // of the last round
	outdated bool                  // it was refused by locks that are over, as is known now
	trace
}

func (l *Locker) attempt(ctx context.Context, name string, lo lockOptions) (*Lock, error) {
	seen := l.begin(opAcquire, name)
	lk, err := l.tryTwice(ctx, &seen, lo)
	if err == ErrClosed {
		return nil, err
	}
	told := false
	defer func() {
		if !told && lk != nil { // the observer panicked, so nobody will get the lock
			_ = lk.finish()
			l.release(name, lk.token, lk.ttl, lk.trace)
		}
	}()
	l.observe(seen, err) // after the attempt: the observer may close the locker
	told = true
	return lk, err
}

// tryTwice makes one attempt, and another where it was refused only because the time wasn't known well
// enough to see that the locks in the way are over. The refusals brought better readings.
func (l *Locker) tryTwice(ctx context.Context, seen *observation, lo lockOptions) (*Lock, error) {
	if err := l.enter(ctx, seen.name); err != nil {
		return nil, err
	}
	defer l.leave()
	if !l.busy.begin(l.draining) {
		return nil, ErrClosed
	}
	defer l.busy.running.Done() // Close waits, or it would be too late to release
	if err := l.knowTime(ctx, opAcquire, seen.name); err != nil {
		return nil, err
	}
	a, fence, err := l.try(ctx, seen.name, lo)
	seen.rounds = a.rounds
	if err != nil && a.outdated && ctx.Err() == nil && l.knowTime(ctx, opAcquire, seen.name) == nil {
		a, fence, err = l.try(ctx, seen.name, lo)
		seen.rounds += a.rounds
	}
	seen.outcome = a.outcome
	if err != nil {
		return nil, err
	}
	return newLock(ctx, a, fence), nil
}

// maxAttempts is how many attempts of a locker are under way at once. More would wait at the voters
// instead, while their node time-out runs. It's well below the room in a voter's queue, so none is refused there.
const maxAttempts = 128

// enter waits, first come, first served, until an attempt may begin.
func (l *Locker) enter(ctx context.Context, name string) error {
	select {
	case l.attempts <- struct{}{}:
		return nil
	default:
	}
	select {
	case l.attempts <- struct{}{}:
		return nil
	case <-l.draining.Done():
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("redlock: acquire %q: not begun, since %d other attempts of this locker were under way: %w", name, maxAttempts, ctx.Err())
	}
}

func (l *Locker) leave() { <-l.attempts }

func (l *Locker) try(ctx context.Context, name string, lo lockOptions) (*attempt, int64, error) {
	start := l.options.clock.Now()
	hi, low := l.random()
	a := &attempt{
		locker:      l,
		name:        name,
		token:       fmt.Sprintf("%016x%016x", hi, low),
		lockOptions: lo,
		window:      l.options.window(start, lo.ttl),
		trace:       trace{doubts: newDoubts(len(l.nodes)), places: newPlaces(len(l.nodes))},
	}
	if l.guard != nil {
		a.now, _ = l.guard.at(start)
		a.deadline = a.now.latest.after(lo.ttl)
	}
	fence, err := a.run(ctx)
	if err != nil {
		l.release(name, a.token, lo.ttl, a.trace)
	}
	return a, fence, err
}

// run asks for the lock and, where the fencing values differ, for the voters' confirmation.
// It returns the fencing token.
func (a *attempt) run(ctx context.Context) (fence int64, err error) {
	outcome, err := a.ask(ctx, opAcquire, a.locker.wall().UnixMicro())
	if err != nil {
		a.outdated = a.locker.outdated(outcome)
		return 0, err
	}
	if !a.locker.options.fencing {
		return 0, nil
	}
	votes := newElection(len(a.locker.nodes))
	for voter, answer := range outcome.Answers {
		if outcome.Answered[voter] && answer.Err == nil && answer.Reply.status == statusOK {
			votes.grant(voter, answer.Reply.value)
		}
	}
	if token, ok := votes.agreed(); ok {
		return token, nil
	}
	token := votes.candidate()
	_, err = a.ask(ctx, opConfirm, token)
	return token, err
}

// ask makes one round trip. It succeeds when a majority says yes and the window is still open.
func (a *attempt) ask(ctx context.Context, op operation, fence int64) (quorum.Outcome[reply], error) {
	a.rounds++
	l := a.locker
	poll := l.poll(request{
		op: op, name: a.name, token: a.token, ttl: a.ttl, fenced: l.options.fencing, fence: fence,
		deadline: a.deadline, now: a.now,
	}, a.window)
	if op == opAcquire {
		poll.Judge = func(voter int, r reply) quorum.Vote {
			a.places.note(opAcquire, voter, r)
			a.doubts.settle(voter) // last: the release goes by it
			return judge(r)
		}
		poll.Repeat = func(voter int, answer quorum.Answer[reply], _ int) (time.Duration, bool) {
			if answer.Unsent() {
				a.doubts.settle(voter)
			}
			return 0, false
		}
	}
	poll.Urgent, poll.After = op != opAcquire, a.asked // a confirmation is for what a majority gave
	ballot := l.group.Start(poll)
	if op == opAcquire {
		a.asked = ballot
	}
	outcome := ballot.Wait(ctx)
	a.outcome = outcome
	if outcome.Result == quorum.Won {
		if l.guard != nil {
			a.window = l.guard.trust(a.window, a.deadline)
		}
		if a.window.Open(l.options.clock.Now()) {
			return outcome, nil
		}
	}
	return outcome, l.quorumError(ctx, op, a.name, outcome)
}

// outdated reports whether an attempt that was refused would be granted by the time as it's known now.
func (l *Locker) outdated(o quorum.Outcome[reply]) bool {
	if l.guard == nil {
		return false
	}
	now, _ := l.guard.now()
	free, over := 0, 0
	for voter, answer := range o.Answers {
		r := answer.Reply
		switch {
		case !o.Answered[voter] || answer.Err != nil:
		case r.status == statusOK:
			free++
		case (r.status == statusHeld || r.status == statusQuarantined) && r.until != 0 && r.until <= now.earliest:
			over++
		}
	}
	return over > 0 && free+over >= quorum.Majority(len(l.nodes))
}

// poll puts a question to all voters, to be answered before the window closes.
func (l *Locker) poll(r request, w clockdrift.Window) quorum.Poll[request, reply] {
	left := w.Remaining(l.options.clock.Now())
	return quorum.Poll[request, reply]{
		Request: r,
		Key:     queueKey(r.name),
		Timeout: min(left, l.options.nodeTimeout),
		Until:   time.Now().Add(left),
		Judge:   func(_ int, r reply) quorum.Vote { return judge(r) },
	}
}

func judge(r reply) quorum.Vote {
	if r.status == statusOK {
		return quorum.Yes
	}
	return quorum.No
}
