package redlock

import (
	"context"
	"errors"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// results lists what became of a request at every voter.
func (l *Locker) results(op operation, o quorum.Outcome[reply]) []NodeResult {
	results := make([]NodeResult, len(l.nodes))
	for i, node := range l.nodes {
		results[i] = l.result(op, o, i)
		results[i].Node = node
	}
	return results
}

func (l *Locker) result(op operation, o quorum.Outcome[reply], voter int) NodeResult {
	switch a := o.Answers[voter]; {
	case !o.Answered[voter] && o.Result == quorum.Pending:
		return NodeResult{Outcome: TimedOut}
	case !o.Answered[voter]:
		return NodeResult{Outcome: Unawaited}
	case a.Err != nil:
		return NodeResult{Outcome: Failed, RTT: a.Elapsed, Err: a.Err}
	default:
		r := NodeResult{Outcome: outcomeOf[a.Reply.status], RTT: a.Elapsed}
		if op == opAcquire && (r.Outcome == Held || r.Outcome == Quarantined) {
			r.Remaining = time.Duration(max(a.Reply.value, 0)) * time.Millisecond
		}
		// A voter whose clock is ahead takes every request for a late one.
		if r.Outcome == Granted || r.Outcome == Late {
			if outcome, remaining := l.doubt(op, voter, a.Reply); outcome != Granted {
				r.Outcome, r.Remaining = outcome, remaining
			} else if remaining, unvetted := l.unvetted(op, voter); unvetted && agreed(o) {
				r.Outcome, r.Remaining = ClockSuspect, remaining
			}
		}
		if r.Outcome == ClockSuspect {
			r.Err = l.watch.why(voter)
		}
		return r
	}
}

// doubt returns what a voter's consent amounts to once the voter is looked at. Only for a
// release it doesn't have to be relied upon.
func (l *Locker) doubt(op operation, voter int, r reply) (Outcome, time.Duration) {
	if l.watch == nil || op == opRelease {
		return Granted, 0
	}
	if remaining, suspect := l.watch.suspect(voter); suspect {
		return ClockSuspect, remaining
	}
	// Another voter may know of longer locks than this one's quarantine was measured by. For how
	// long it has to wait, or whether at all, the next attempt tells.
	if op == opAcquire && r.status == statusOK && r.maxTTL < l.watch.maxTTL() {
		return Quarantined, 0
	}
	return Granted, 0
}

// unvetted tells a voter that has agreed, but whose clock couldn't be compared with those of a
// majority. It's only to a majority that this matters: it can't be known before all of it has
// answered.
func (l *Locker) unvetted(op operation, voter int) (time.Duration, bool) {
	if l.watch == nil || op == opRelease {
		return 0, false
	}
	return l.watch.unvetted(voter)
}

// jumped tells a voter whose clock is known to be wrong from one of which nothing is known yet.
func (l *Locker) jumped(voter int) bool {
	_, suspect := l.watch.suspect(voter)
	return suspect
}

// agreed reports whether a majority says yes, reliable or not.
func agreed(o quorum.Outcome[reply]) bool {
	yes := 0
	for i, a := range o.Answers {
		if o.Answered[i] && a.Err == nil && a.Reply.status == statusOK {
			yes++
		}
	}
	return yes >= quorum.Majority(len(o.Answers))
}

// reliable reports whether a majority granted, counting only the voters that can be relied
// upon now that so many answers are in.
func (l *Locker) reliable(op operation, o quorum.Outcome[reply]) bool {
	if l.watch == nil {
		return true
	}
	l.watch.vet()
	granted := 0
	for voter := range l.nodes {
		if l.result(op, o, voter).Outcome == Granted {
			granted++
		}
	}
	return granted >= quorum.Majority(len(l.nodes))
}

// quorumError explains a poll that didn't succeed.
//
// An acquisition failed because of another holder if the voters that named one are too many
// for a majority, or if enough voters could be relied upon and some of them named one. A lock
// that is held already is lost only if so many voters refused that the silent ones can't make
// up a majority.
func (l *Locker) quorumError(ctx context.Context, op operation, name string, o quorum.Outcome[reply]) *QuorumError {
	e := &QuorumError{
		Op: op.String(), Name: name, Needed: quorum.Majority(len(l.nodes)),
		Nodes: l.results(op, o), Reason: ErrNoQuorum, cause: ctx.Err(),
	}
	count := make(map[Outcome]int)
	jumped := 0
	for voter, r := range e.Nodes {
		count[r.Outcome]++
		if r.Outcome == ClockSuspect && l.jumped(voter) {
			jumped++
		}
		if errors.Is(r.Err, quorum.ErrClosed) {
			e.cause = ErrClosed
		}
	}
	refused := count[Held] + count[Gone] + jumped
	switch {
	case op == opExtend && len(l.nodes)-refused < e.Needed:
		e.Reason = ErrLost
	case op == opAcquire || op == opConfirm:
		free := len(l.nodes) - count[Held]
		if free < e.Needed || (count[Held] > 0 && count[Granted]+count[Held] >= e.Needed) {
			e.Reason = ErrNotAcquired
		} else if o.Result == quorum.Won && count[Granted] >= e.Needed {
			e.markLate()
		}
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
