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
// that where the voters granted different fencing values.
//
// It fails with a [*QuorumError] that matches [ErrNotAcquired] where another holds the lock
// and [ErrNoQuorum] where too few voters answered in time. A failed attempt is released on
// every voter in the background, however late a voter's answer comes.
func (l *Locker) TryLock(ctx context.Context, name string, opts ...LockOption) (*Lock, error) {
	lo, err := l.admit(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	return l.attempt(ctx, name, lo)
}

// admit checks everything that can be known before a request is sent.
func (l *Locker) admit(ctx context.Context, name string, opts []LockOption) (lockOptions, error) {
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
	if l.closing.Err() != nil {
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
	window clockdrift.Window
	rounds int
	doubts *doubts
	places *places
}

func (l *Locker) attempt(ctx context.Context, name string, lo lockOptions) (*Lock, error) {
	start := l.options.clock.Now()
	a, lk, err := l.try(ctx, name, lo, start)
	if a != nil { // after the attempt: the observer may close the locker
		l.observe(opAcquire, name, a.rounds, l.options.clock.Now()-start, err)
	}
	return lk, err
}

func (l *Locker) try(ctx context.Context, name string, lo lockOptions, start time.Duration) (*attempt, *Lock, error) {
	if !l.busy.begin(l.closing) {
		return nil, nil, ErrClosed
	}
	defer l.busy.running.Done() // Close waits, or it would be too late to release
	hi, low := l.random()
	a := &attempt{
		locker:      l,
		name:        name,
		token:       fmt.Sprintf("%016x%016x", hi, low),
		lockOptions: lo,
		window:      l.options.window(start, lo.ttl),
		doubts:      newDoubts(len(l.nodes)),
		places:      newPlaces(len(l.nodes)),
	}
	fence, err := a.run(ctx)
	if err != nil {
		l.release(name, a.token, lo.ttl, a.doubts)
		return a, nil, err
	}
	return a, newLock(ctx, a, fence), nil
}

// run asks for the lock and, where the fencing values differ, for the voters' confirmation.
// It returns the fencing token.
func (a *attempt) run(ctx context.Context) (fence int64, err error) {
	fencing := a.locker.options.fencing
	outcome, err := a.ask(ctx, opAcquire, a.locker.wall().UnixMicro())
	if err != nil || !fencing {
		return 0, err
	}
	votes := newElection(len(a.locker.nodes))
	// A voter that isn't relied upon for the lock isn't for the value either: a clock that leapt
	// lets registers expire as well.
	now := a.locker.options.clock.Now()
	for voter, answer := range outcome.Answers {
		if a.locker.result(opAcquire, outcome, voter, now).Outcome == Granted {
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
	r := request{op: op, name: a.name, token: a.token, ttl: a.ttl, fenced: l.options.fencing, fence: fence}
	// An attempt is over after this time, so nothing needs to be planted later.
	r.notAfter = a.window.Start() + min(l.options.nodeTimeout, a.window.Length())
	poll := l.poll(r, a.window)
	if op == opAcquire {
		poll.Judge = func(voter int, r reply) quorum.Vote {
			a.doubts.settle(voter)
			a.places.note(opAcquire, voter, r)
			return judge(r)
		}
		poll.Repeat = func(voter int, answer quorum.Answer[reply], _ int) (time.Duration, bool) {
			if answer.Unsent() {
				a.doubts.settle(voter)
			}
			return 0, false
		}
	}
	outcome := l.group.Start(poll).Wait(ctx)
	if outcome.Result == quorum.Won && a.window.Open(l.options.clock.Now()) {
		return outcome, nil
	}
	return outcome, l.quorumError(ctx, op, a.name, outcome)
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
		Enough:  func(o quorum.Outcome[reply]) bool { return l.reliable(r.op, o) },
	}
}

// judge turns a reply into a vote. Whether the voter can be relied upon is looked at when there's
// a majority, since that may change while an attempt waits.
func judge(r reply) quorum.Vote {
	if r.status == statusOK {
		return quorum.Yes
	}
	return quorum.No
}
