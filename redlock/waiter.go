package redlock

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// A waiter decides when to ask the voters: when it's called, when the lock should have run out, and after pauses where there's no line.

const (
	// graceOf is the part of a node time-out in which somebody who was called is expected to come.
	graceOf = 8
	// looksOf is how often the first in line look, in a node time-out. Together with the wait for an answer it makes a voter's
	// silence known within one.
	looksOf = 4
	// crowd is how many look that often. Those behind do so in proportion to their place, up to farthest times as seldom.
	crowd    = 8
	farthest = 8
	// stagger is how much later each one looks whether a lock has run out than the one before it.
	stagger = 3 * time.Millisecond
	// hasty is how many attempts in a row are made at once.
	hasty = 3
	// leastKept is how long a line lives without another word, at the least.
	leastKept = time.Second
)

// waiter is a goroutine that waits for a name: the one whose turn it is in its process.
type waiter struct {
	locker *Locker
	name   string
	turn   *turn
	begun  time.Time

	at      int   // the voter where it stands in line; -1 if it doesn't
	listens bool  // there
	spoke   bool  // there, so it may have a place
	ticket  int64 // there; 0 before it has one
	stood   bool  // it has had a ticket anywhere
	overdue int64
	called  bool // it's the one to ask

	answers quorum.Outcome[reply] // to the last look
	gone    holderID              // whose lock was given back when it was called; 0 if none was
	until   guard.Time            // of the lock in the way, as it was told last; 0 if only a PTTL is known
	expires time.Time             // when that lock should be over; zero if nobody knows
	holder  holderID              // that was named last
	same    int                   // looks that have named it since
	failed  int                   // attempts since it was called last, or had to wait for long
}

var errOwnProcess = fmt.Errorf("%w: another goroutine of this locker", ErrNotAcquired)

func (l *Locker) newWaiter(name string, t *turn) *waiter {
	w := &waiter{locker: l, name: name, turn: t, begun: time.Now(), at: -1}
	w.move(w.choose(nil))
	return w
}

// refused takes in why an attempt failed.
func (w *waiter) refused(o decision) {
	l := w.locker
	w.failed++
	w.until, w.expires = 0, time.Time{}
	if left, known := l.freeIn(o); known {
		w.expires = time.Now().Add(left)
	}
	w.move(w.choose(o.Answers))
	w.called, w.gone, w.holder = false, 0, mostNamed(o.Answers)
	if w.at >= 0 && o.Answers != nil && o.Answers[w.at].Heard {
		w.until = o.Answers[w.at].Reply.until
	}
}

// freeIn returns when a majority of the voters will grant the lock, if nobody extends it or gives it back.
func (l *Locker) freeIn(o decision) (left time.Duration, known bool) {
	if o.verdicts == nil { // it was never asked
		return 0, false
	}
	for _, set := range l.electorate().Sets() {
		var lefts []time.Duration
		for _, voter := range set {
			if v := o.verdicts[voter]; v.bounded {
				lefts = append(lefts, v.left)
			}
		}
		need := quorum.Majority(len(set))
		if len(lefts) < need {
			return 0, false
		}
		slices.Sort(lefts)
		left = max(left, lefts[need-1])
	}
	return left + time.Millisecond/4, true
}

// follow reports whether to ask before standing in line. Where this process has the lock, and no other was seen to want it, there's nothing to
// ask until it's given back. Then the attempt follows the release in each voter's queue: both are one exchange.
func (w *waiter) follow(ctx context.Context) bool {
	l := w.locker
	if l.contended.elsewhere(w.name) {
		return false
	}
	if !l.turns.holds(w.name) {
		return true
	}
	timer := time.NewTimer(l.options.nodeTimeout / looksOf)
	defer timer.Stop()
	select {
	case w.gone = <-w.turn.freed:
		return !l.contended.elsewhere(w.name)
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// await stands in line until it's time to ask the voters. It returns false when ctx is done.
func (w *waiter) await(ctx context.Context) bool {
	// From before the look, which tells what has become of it.
	drain(w.turn.calls)
	drain(w.turn.freed)
	for w.at >= 0 && ctx.Err() == nil {
		if !w.listens {
			w.ear().enter()
			w.listens = true
		}
		hearing, changed, deaf := w.ear().state()
		if deaf != nil {
			break
		}
		seen, ok := w.look(ctx)
		if ctx.Err() != nil {
			return false
		}
		if !ok {
			break
		}
		if seen.status == statusOK {
			w.called = true
			return w.space(ctx)
		}
		asks, alive := w.stay(ctx, seen, hearing, changed)
		if !alive {
			return false
		}
		if asks {
			return w.space(ctx)
		}
	}
	return w.rest(ctx)
}

// stay waits for a call, or until it's time to look again. It returns true if it's time to ask instead.
func (w *waiter) stay(ctx context.Context, seen reply, hearing bool, changed <-chan struct{}) (asks, alive bool) {
	l := w.locker
	every := l.options.nodeTimeout / looksOf
	every *= time.Duration(min(1+seen.place.ahead/crowd, farthest))
	wait := every - time.Duration(l.jitter(int64(every/4)))
	freed := w.turn.freed
	switch {
	case seen.status == statusHeld:
		if w.lapsed(seen) || w.doubts(seen) {
			return true, true
		}
		if !w.expires.IsZero() {
			wait = min(wait, max(time.Until(w.expires), 0)+time.Duration(seen.place.ahead)*stagger)
		}
	default: // another was called
		w.overdue = seen.place.called
		wait = l.options.nodeTimeout / graceOf
	}
	first := seen.status == statusHeld && seen.place.ahead == 0
	switch {
	case !hearing:
		wait = min(wait, max(firstPause, wait/4))
	case !first:
		freed = nil // whoever gives it back calls another
	}
	if wait >= every/2 {
		w.failed = 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case c := <-w.turn.calls:
			if c.voter == w.at && c.ticket == w.ticket {
				w.called, w.failed, w.gone = true, 0, c.gone
				return true, true
			}
		case gone := <-freed:
			if first && hearing {
				// The release calls us. The attempt follows it in each voter's queue, and needn't wait for the call.
				w.called, w.failed, w.gone = true, 0, gone
				return true, true
			}
			return false, true
		case <-changed:
			return false, true
		case <-timer.C:
			return false, true
		case <-ctx.Done():
			return false, false
		}
	}
}

// lapsed reports whether the lock in the way should have run out by now, and nobody has taken it since. Otherwise it notes
// when that will be.
func (w *waiter) lapsed(seen reply) bool {
	if seen.until != 0 && seen.until == w.until && !w.expires.IsZero() {
		return time.Since(w.expires) >= time.Duration(seen.place.ahead)*stagger
	}
	w.until, w.expires = seen.until, time.Time{}
	switch g := w.locker.guard; {
	case seen.until != 0 && g != nil:
		w.expires = time.Now().Add(g.Expected(seen.until))
	case seen.value >= 0: // 0 is less than a millisecond
		w.expires = time.Now().Add(time.Duration(seen.value)*time.Millisecond + time.Millisecond)
	}
	return false
}

// doubts reports whether it's time to ask all voters although the lock is held: the one with the line may be the only one that
// still names this holder, whose release it missed. Then nobody calls there. The longer it's the same one the more seldom.
func (w *waiter) doubts(seen reply) bool {
	if seen.holder != w.holder {
		w.holder, w.same = seen.holder, 0
		return false
	}
	w.same++
	return w.same > 1 && w.same&(w.same-1) == 0
}

// space keeps attempts apart that fail one after the other although each one had reason to hope.
func (w *waiter) space(ctx context.Context) bool {
	if w.failed < hasty {
		return ctx.Err() == nil
	}
	return sleep(ctx, w.pause(w.failed-hasty))
}

// pause returns a random one, longer the more have been made before: those of clients whose attempts have split the votes
// don't meet again. See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
func (w *waiter) pause(before int) time.Duration {
	return time.Duration(w.locker.jitter(int64(min(firstPause<<min(before, 16), maxWaitPause))))
}

// rest waits for the next attempt where there's no line to stand in.
func (w *waiter) rest(ctx context.Context) bool {
	timer := time.NewTimer(w.pause(max(w.failed-1, 0)))
	defer timer.Stop()
	select {
	case <-w.turn.freed:
		w.failed = 0
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// silently reports whether the release of an attempt that fails needn't call the next: the waiter will look what there is.
func (w *waiter) silently() bool {
	if w.at < 0 {
		return false
	}
	_, _, deaf := w.ear().state()
	return deaf == nil
}

// obstacle explains why there was no attempt: what the line said last, or that this process has the lock.
func (w *waiter) obstacle(ctx context.Context) error {
	if w.answers.Answers == nil {
		if w.locker.turns.holds(w.name) {
			return errOwnProcess
		}
		return nil
	}
	o := quorum.Outcome[reply]{Answers: make([]quorum.Answer[reply], len(w.answers.Answers))}
	for voter, a := range w.answers.Answers {
		if a.Err == nil { // those that weren't asked have one
			a.Reply.status = statusHeld // by whoever has the lock, or was called before
			o.Answers[voter] = a
		}
	}
	e := w.locker.quorumError(ctx, w.name, w.locker.judge(opAcquire, o, false))
	e.Reason = ErrNotAcquired
	return e
}
