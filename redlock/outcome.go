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
	for voter, node := range l.nodes {
		results[voter] = l.result(op, o, voter)
		results[voter].Node = node
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
		r.Remaining = l.refusedFor(op, a.Reply)
		if r.Outcome == ClockSuspect {
			r.Err = l.guard.astray(voter)
		}
		return r
	}
}

// refusedFor returns for how long a voter will go on to refuse, as far as it's known.
func (l *Locker) refusedFor(op operation, r reply) time.Duration {
	switch {
	case op != opAcquire:
		return 0
	case r.status == statusQuarantined && r.until == 0:
		return l.guard.maxTTL // at the least: nobody has said yet
	case (r.status == statusQuarantined || r.status == statusHeld) && r.until != 0 && l.guard != nil:
		return l.guard.left(r.until)
	case r.status == statusHeld:
		return time.Duration(max(r.value, 0)) * time.Millisecond
	}
	return 0
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
	for _, r := range e.Nodes {
		count[r.Outcome]++
		if errors.Is(r.Err, quorum.ErrClosed) {
			e.cause = ErrClosed
		}
	}
	refused := count[Held] + count[Gone]
	switch {
	case op.extends() && len(l.nodes)-refused < e.Needed:
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
