package redlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// results lists what became of a request at every voter, and why.
func (l *Locker) results(op operation, o quorum.Outcome[reply]) []NodeResult {
	results := make([]NodeResult, len(l.nodes))
	for voter, node := range l.nodes {
		results[voter] = l.result(op, o, voter)
		results[voter].Node = node
	}
	return results
}

func (l *Locker) result(op operation, o quorum.Outcome[reply], voter int) NodeResult {
	switch a := o.Answers[voter]; {
	case !a.Heard && !o.Expired && op == opAcquire && l.otherSet(voter) != nil: // nobody had to wait to hear it again
		return NodeResult{Outcome: WrongQuorum, Err: l.otherSet(voter)}
	case !a.Heard && o.Expired && !o.Cancelled:
		return NodeResult{Outcome: TimedOut}
	case !a.Heard:
		return NodeResult{Outcome: Unawaited}
	case a.Err != nil:
		outcome, err := explain(a.Err, l.voters[voter].link)
		return NodeResult{Outcome: outcome, RTT: a.Elapsed, Err: err}
	default:
		r := NodeResult{Outcome: outcomeOf[a.Reply.status], RTT: a.Elapsed}
		r.Remaining = l.refusedFor(op, a.Reply)
		switch {
		case r.Outcome == WrongQuorum:
			r.Err = l.otherSet(voter)
		case r.Outcome == Quarantined && l.undecided(voter) != nil:
			r.Err = l.undecided(voter)
		case r.Outcome == ClockSuspect:
			r.Err = l.astray(voter)
		case op == opAcquire && r.Outcome == Held && a.Reply.until == 0 && a.Reply.value == noTTL:
			r.Err = errNoTTL
		case r.Outcome == Quarantined && r.Remaining > l.longestWait():
			r.Err = fmt.Errorf("longer than the %v of this locker's MaxTTL, since it granted longer locks, or another locker with a longer MaxTTL met it first", l.options.maxTTL)
		}
		return r
	}
}

// noTTL is the PTTL of a key that lives for ever.
const noTTL = -1

var errNoTTL = errors.New("the key has no TTL, so it isn't a lock of this kind; see who wrote it, and delete it")

// refusedFor returns for how long a voter will go on to refuse, as far as it's known.
func (l *Locker) refusedFor(op operation, r reply) time.Duration {
	switch {
	case op != opAcquire:
		return 0
	case r.status == statusQuarantined && r.until == 0:
		return l.options.maxTTL // at the least: nobody has said yet
	case (r.status == statusQuarantined || r.status == statusHeld) && r.until != 0 && l.guard != nil:
		return l.now().Left(r.until)
	case r.status == statusHeld:
		return time.Duration(max(r.value, 0)) * time.Millisecond
	}
	return 0
}

// longestWait returns how long a voter that was just enrolled has to wait at the most, if no lock was
// longer than our own may be.
func (l *Locker) longestWait() time.Duration { return l.options.maxTTL + 2*l.options.uncertainty() }

// quorumError explains a poll that didn't succeed.
//
// An acquisition failed because of another holder if the voters that named one are too many
// for a majority, or if enough voters answered and some of them named one. A lock
// that is held already is lost only if so many voters refused that the silent ones can't make
// up a majority.
func (l *Locker) quorumError(ctx context.Context, op operation, name string, o quorum.Outcome[reply]) *QuorumError {
	e := &QuorumError{
		Op: op.String(), Name: name, Needed: l.needed(),
		Nodes: l.results(op, o), Reason: ErrNoQuorum, cause: ctx.Err(),
	}
	all, count := l.electorate(), make(map[Outcome]int)
	for i, r := range e.Nodes {
		if r.Outcome == TimedOut && r.Err == nil {
			e.Nodes[i].Err = l.voters[i].silence(l.options.nodeTimeout)
		}
		count[r.Outcome]++
		if errors.Is(r.Err, quorum.ErrClosed) {
			e.cause = ErrClosed
		}
	}
	are := func(outcomes ...Outcome) func(voter int) bool {
		return func(voter int) bool { return slices.Contains(outcomes, e.Nodes[voter].Outcome) }
	}
	switch {
	case all.Blocked(are(Unfit)):
		e.Reason = ErrUnfit
	case all.Blocked(are(WrongQuorum)):
		e.Reason = ErrMembership
	case op.extends() && all.Blocked(are(Held, Gone)):
		e.Reason = ErrLost
	case op != opAcquire && op != opConfirm:
	case all.Blocked(are(Held)) || (count[Held] > 0 && all.Majority(are(Granted, Held))):
		e.Reason = ErrNotAcquired
	case o.Result == quorum.Won && all.Majority(are(Granted)):
		e.markLate()
	case count[WrongQuorum] > 0:
		e.Reason = ErrMembership // two sets have this voter, whatever the others say
	case count[Quarantined] > 0 && !o.Cancelled && all.Majority(are(Granted, Held, Quarantined, Unawaited)):
		e.Reason = ErrQuarantined
	}
	if e.Reason == ErrMembership {
		e.advice = l.membershipAdvice()
	}
	return e
}

// markLate says why a majority wasn't enough: it came when the window had closed.
func (e *QuorumError) markLate() {
	for i := range e.Nodes {
		if e.Nodes[i].Outcome == Granted {
			e.Nodes[i].Outcome = Late
		}
	}
}
