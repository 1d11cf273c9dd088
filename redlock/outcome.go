package redlock

import (
	"context"
	"errors"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// results lists what became of a request at every voter, and why.
func (l *Locker) results(op operation, o quorum.Outcome[reply]) []NodeResult {
	results := make([]NodeResult, len(l.nodes))
	now := l.options.clock.Now()
	for i, node := range l.nodes {
		r := l.result(op, o, i, now)
		r.Node = node
		if r.Outcome == ClockSuspect {
			r.Err = l.watch.why(i, now)
		}
		results[i] = r
	}
	return results
}

func (l *Locker) result(op operation, o quorum.Outcome[reply], voter int, now time.Duration) NodeResult {
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
		l.doubt(&r, op, o, voter, now)
		return r
	}
}

// doubt takes a voter's consent back if the voter can't be relied upon. Only for a release it
// doesn't have to be.
func (l *Locker) doubt(r *NodeResult, op operation, o quorum.Outcome[reply], voter int, now time.Duration) {
	// A voter whose clock is ahead takes every request for a late one.
	if l.watch == nil || op == opRelease || (r.Outcome != Granted && r.Outcome != Late) {
		return
	}
	suspect, unvetted := l.watch.suspicion(voter, now)
	switch {
	case suspect > 0:
		r.Outcome, r.Remaining = ClockSuspect, suspect
	case op == opAcquire && r.Outcome == Granted && o.Answers[voter].Reply.maxTTL < l.watch.maxTTL():
		// Another voter may know of longer locks than this one's quarantine was measured by. For how
		// long it has to wait, or whether at all, the next attempt tells.
		r.Outcome = Quarantined
	case unvetted > 0 && agreed(o):
		// It's only to a majority that this matters: it can't be known before all of it has answered.
		r.Outcome, r.Remaining = ClockSuspect, unvetted
	}
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
	granted, now := 0, l.options.clock.Now()
	for voter := range l.nodes {
		if l.result(op, o, voter, now).Outcome == Granted {
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
	wrong := 0 // voters whose clock is known to be, unlike those that couldn't be compared yet
	for voter, r := range e.Nodes {
		count[r.Outcome]++
		if r.Outcome == ClockSuspect {
			if suspect, _ := l.watch.suspicion(voter, l.options.clock.Now()); suspect > 0 {
				wrong++
			}
		}
		if errors.Is(r.Err, quorum.ErrClosed) {
			e.cause = ErrClosed
		}
	}
	refused := count[Held] + count[Gone] + wrong
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
