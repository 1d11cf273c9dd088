package redlock

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/election"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// randomToken returns 128 random bits: enough that no two attempts ever share a token.
func randomToken() (hi, lo uint64) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails; it ends the program instead
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// TryLock makes one attempt to take the lock. It returns within the node time-out, see [WithNodeTimeout], or twice
// that where the voters granted different fencing values. It takes one round trip, and up to three where another
// wanted the lock a moment ago. Of the attempts of one moment that take voters from each other, one wins. While 128 attempts of the locker are under
// way it waits for its turn before that, as long as ctx allows; the error says so when that ends first.
//
// It fails with a [*QuorumError] that matches [ErrNotAcquired] where another holds the lock
// and [ErrNoQuorum] where too few voters answered in time. A failed attempt is released on
// every voter that may have granted it, in the background, however late a voter's answer comes.
func (l *Locker) TryLock(ctx context.Context, name string, opts ...LockOption) (*Lock, error) {
	lo, err := l.check(ctx, opAcquire, name, opts)
	if err != nil {
		return nil, err
	}
	seen := l.begin(ctx, opAcquire, name, nil)
	lk, err := l.acquire(ctx, &seen, lo)
	if err != nil {
		l.nameOwners(ctx, name, err)
	}
	return l.handOut(&seen, lk, err)
}

// check looks at everything that can be known before a request is sent.
func (l *Locker) check(ctx context.Context, op operation, name string, opts []LockOption) (lockOptions, error) {
	if err := checkName(name); err != nil {
		return lockOptions{}, err
	}
	if l.kinds[clusterVoter] && l.options.fencing {
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
		return lo, fmt.Errorf("redlock: %v %q: %w", op, name, err)
	}
	return lo, nil
}

// handOut tells the hooks of an acquisition, and returns what came of it.
func (l *Locker) handOut(seen *observation, lk *Lock, err error) (*Lock, error) {
	told := false
	defer func() {
		if !told && lk != nil { // a hook panicked, so nobody will get the lock
			_ = lk.finish()
			l.release(&lk.claim)
		}
	}()
	seen.lock = lk
	l.done(seen, err) // after the attempt: the hook may close the locker
	told = true
	return lk, err
}

// acquire makes an attempt when there's room for it.
func (l *Locker) acquire(ctx context.Context, seen *observation, lo lockOptions) (*Lock, error) {
	if err := l.enter(ctx, opAcquire, seen.name); err != nil {
		return nil, err
	}
	defer l.leave()
	if !l.busy.begin(l.draining) {
		return nil, ErrClosed
	}
	defer l.busy.running.Done() // Close waits, or it would be too late to release
	lk, err := l.askInTime(ctx, seen, lo)
	if err != nil {
		l.meetOthers(seen.name, seen.decided.Answers)
		if seen.failed.IsZero() {
			seen.failed = time.Now()
		}
		l.complaints.waits(ctx, seen.name, seen.failed, err)
	}
	return lk, err
}

// askInTime makes one attempt, and another where it was refused only because the time wasn't known well
// enough to see that the locks in the way are over. The refusals brought better readings.
func (l *Locker) askInTime(ctx context.Context, seen *observation, lo lockOptions) (*Lock, error) {
	if err := l.knowTime(ctx, opAcquire, seen.name); err != nil {
		return nil, err
	}
	lk := l.attempt(ctx, seen, lo)
	if lk == nil && seen.decided.outdated(l.electorate()) && ctx.Err() == nil && l.knowTime(ctx, opAcquire, seen.name) == nil {
		lk = l.attempt(ctx, seen, lo)
	}
	if lk == nil {
		return nil, l.quorumError(ctx, seen.name, seen.decided)
	}
	return lk, nil
}

// maxAttempts is how many attempts of a locker are under way at once. More would wait at the voters
// instead, while their node time-out runs. It's well below the room in a voter's queue, so none is refused there.
const maxAttempts = 128

// enter waits, first come, first served, until an attempt may begin.
func (l *Locker) enter(ctx context.Context, op operation, name string) error {
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
		return fmt.Errorf("redlock: %v %q: not begun, since %d other attempts of this locker were under way: %w", op, name, maxAttempts, ctx.Err())
	}
}

func (l *Locker) leave() { <-l.attempts }

// attempt asks the voters for the lock. It returns nil when it fails: what it may have left behind is released, and what the voters decided
// is seen.
func (l *Locker) attempt(ctx context.Context, seen *observation, lo lockOptions) *Lock {
	seen.attempts++
	start := l.options.clock.Now()
	now := l.at(start)
	lk := l.newLock(seen.name, l.newToken(), lo)
	lk.window = l.options.window(start, lo.ttl)
	if l.guard != nil {
		lk.deadline = now.Latest.After(lo.ttl)
	}
	if !lk.ask(ctx, seen, now) {
		l.giveBack(&lk.claim, seen.silently)
		return nil
	}
	lk.begin(ctx, lo)
	return lk
}

func (l *Locker) newLock(name, token string, lo lockOptions) *Lock {
	return &Lock{
		locker: l,
		claim:  claim{name: name, token: token, ttl: lo.ttl, owner: lo.owner, standing: standing{sites: make([]site, len(l.nodes))}},
	}
}

// newToken returns what marks an acquisition at the voters.
func (l *Locker) newToken() string {
	var b [16]byte
	hi, lo := l.random()
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return hex.EncodeToString(b[:])
}

// ask asks for the lock and, where the fencing values differ, for the voters' confirmation.
func (lk *Lock) ask(ctx context.Context, seen *observation, now guard.Span) bool {
	l := lk.locker
	r := request{
		op: opAcquire, name: lk.name, token: lk.token, ttl: lk.ttl, fenced: l.options.fencing,
		fence: l.proposal(now), deadline: lk.deadline, now: now, owner: lk.owner, voters: l.voters, gone: seen.gone, waits: seen.waits,
		members: l.members,
	}
	poll := l.poll(&r, lk.window)
	poll.Settled = explained
	poll.Seen = func(voter int, a quorum.Answer[reply]) quorum.Reaction {
		lk.answeredClaim(voter, a)
		if !a.Unsent() {
			l.voters[voter].swift.Store(a.Err == nil && a.Elapsed <= l.options.nodeTimeout/swiftOf)
		}
		return quorum.Reaction{Vote: vote(a)}
	}
	r.seal(l.kinds, l.options.fenceLife) // once: it may be asked more than once
	if !seen.waits && !lk.askLead(ctx, seen, &poll) {
		return false
	}
	lk.asking(poll.Voters)
	ballot := l.group.Start(poll)
	lk.askedBy(ballot)
	won := lk.count(ctx, seen, opAcquire, ballot)
	if !won && r.leads(seen.decided.Outcome) {
		ballot, won = lk.insist(ctx, seen, poll, ballot)
	}
	if !won || !r.fenced {
		return won
	}
	votes := election.New(l.electorate())
	for voter, a := range seen.decided.Answers {
		if vote(a) == quorum.Yes {
			votes.Grant(voter, a.Reply.value)
		}
	}
	agreed := false
	if lk.fence, agreed = votes.Agreed(); agreed {
		return true
	}
	lk.fence = votes.Candidate()
	confirm := r
	confirm.op, confirm.fence = opConfirm, lk.fence
	poll = l.poll(&confirm, lk.window)
	poll.Urgent, poll.After = true, ballot // it's for what a majority gave
	return lk.count(ctx, seen, opConfirm, l.start(poll))
}

// proposal returns what the lock's fencing token is to be at the least. With guards it's the agreed time, which no right clock is behind: so a
// voter that has forgotten what it granted proposes more, since it votes only when all that is over, and so do the voters of a new list.
func (l *Locker) proposal(now guard.Span) int64 {
	if l.guard != nil {
		return int64(now.Earliest)
	}
	return l.wall().UnixMicro()
}

// count waits for the votes, and reports whether a majority says yes while the window is open.
func (lk *Lock) count(ctx context.Context, seen *observation, op operation, b *quorum.Ballot[*request, reply]) bool {
	l := lk.locker
	seen.rounds++
	o := b.Wait(ctx)
	seen.decided = decision{Outcome: o, op: op}
	if o.Expired && ctx.Err() == nil {
		l.missed(o)
	}
	if o.Result == quorum.Won {
		lk.window = l.trust(lk.window, lk.deadline)
		if lk.window.Open(l.options.clock.Now()) {
			return true
		}
	}
	l.hearSets(ctx, o)
	seen.decided = l.judge(op, o, o.Result == quorum.Won)
	return false
}

// explained reports whether the answers tell why an attempt has failed, or that it hasn't. Where one voter names a
// holder and others fail, the next ones decide whether it's the holder or the failures that are in the way. Where
// attempts may have split the votes, it's enough to know who goes on.
func explained(r *request, o quorum.Outcome[reply]) bool {
	if o.Result == quorum.Won {
		return true
	}
	contested := r.split(o)
	if contested && !r.judged(o) {
		return false
	}
	if _, known := r.leader(o); r.waits && !known {
		return false // it's there that the line is
	}
	anyHeld := false
	for _, a := range o.Answers {
		anyHeld = anyHeld || said(a) == Held
	}
	held := func(voter int) bool { return said(o.Answers[voter]) == Held }
	takesPart := func(voter int) bool { return held(voter) || vote(o.Answers[voter]) == quorum.Yes }
	e := r.members.electorate
	if o.Result == quorum.Pending {
		return contested && e.Majority(takesPart)
	}
	return !anyHeld || e.Blocked(held) || e.Majority(takesPart) ||
		!e.Majority(func(voter int) bool { return takesPart(voter) || !o.Answers[voter].Heard })
}

// poll puts a question to all voters, to be answered before the window closes.
func (l *Locker) poll(r *request, w clockdrift.Window) quorum.Poll[*request, reply] {
	left := w.Remaining(l.options.clock.Now())
	return quorum.Poll[*request, reply]{
		Request: r,
		Key:     queueKey(r.name),
		Timeout: min(left, l.patience(r.op, queueKey(r.name))),
		Until:   time.Now().Add(left),
		Seen:    func(_ int, a quorum.Answer[reply]) quorum.Reaction { return quorum.Reaction{Vote: vote(a)} },
	}
}

// start hands a poll to the voters.
func (l *Locker) start(p quorum.Poll[*request, reply]) *quorum.Ballot[*request, reply] {
	p.Request.seal(l.kinds, l.options.fenceLife)
	return l.group.Start(p)
}
