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
		r := NodeResult{Node: node, Outcome: TimedOut}
		if o.Result != quorum.Pending {
			r.Outcome = Unawaited
		}
		if o.Answered[i] {
			a := o.Answers[i]
			r.RTT = a.Elapsed
			if a.Err != nil {
				r.Outcome, r.Err = Failed, a.Err
			} else {
				r.Outcome = a.Reply.status.outcome()
				// A won ballot that still failed was won too late.
				if o.Result == quorum.Won && r.Outcome == Granted {
					r.Outcome = Late
				}
				if op == opAcquire && r.Outcome == Held {
					r.Remaining = time.Duration(max(a.Reply.value, 0)) * time.Millisecond
				}
			}
		}
		results[i] = r
	}
	return results
}

// quorumError explains a poll that didn't succeed. Where enough voters answered and no
// majority was among them, somebody else has the lock; with too few answers nobody can tell.
// A lock that is held already is lost only when so many voters refused that the silent ones
// can't make up a majority.
func (l *Locker) quorumError(ctx context.Context, op operation, name string, o quorum.Outcome[reply]) *QuorumError {
	e := &QuorumError{
		Op: op.String(), Name: name, Needed: quorum.Majority(len(l.nodes)),
		Nodes: l.results(op, o), Reason: ErrNoQuorum, cause: ctx.Err(),
	}
	granted, refused := 0, 0
	for _, r := range e.Nodes {
		switch r.Outcome {
		case Granted:
			granted++
		case Held, Gone, Superseded:
			refused++
		case Failed:
			if errors.Is(r.Err, quorum.ErrClosed) {
				e.cause = ErrClosed
			}
		}
	}
	switch {
	case op == opExtend && len(l.nodes)-refused < e.Needed:
		e.Reason = ErrLost
	case op != opExtend && granted+refused >= e.Needed:
		e.Reason = ErrNotAcquired
	}
	return e
}
