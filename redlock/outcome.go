package redlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// The texts of errors are made here, from verdicts, where an error is returned or a hook wants to know.

// results lists what became of a request at every voter, and why.
func (l *Locker) results(d decision) []NodeResult {
	results := make([]NodeResult, len(l.nodes))
	for voter, node := range l.nodes {
		v := d.verdicts[voter]
		results[voter] = NodeResult{Node: node, Outcome: v.outcome, RTT: d.Answers[voter].Elapsed, Remaining: v.left, Err: l.cause(d, voter)}
	}
	return results
}

// cause says why a verdict is as it is, as far as that's known.
func (l *Locker) cause(d decision, voter int) error {
	a, v := d.Answers[voter], d.verdicts[voter]
	if a.Err != nil {
		_, err := explain(a.Err, l.voters[voter].link)
		return err
	}
	switch v.outcome {
	case WrongQuorum:
		return l.otherSet(voter)
	case ClockSuspect:
		return l.astray(voter)
	case Held:
		if d.op == opAcquire && a.Reply.until == 0 && a.Reply.value == noTTL {
			return errNoTTL
		}
	case Quarantined:
		if err := l.undecided(voter); err != nil {
			return err
		}
		if v.left > l.longestWait() {
			return fmt.Errorf("longer than the %v of this locker's MaxTTL, since it granted longer locks, or another locker with a longer MaxTTL met it first", l.options.maxTTL)
		}
	}
	return nil
}

// noTTL is the PTTL of a key that lives for ever.
const noTTL = -1

var errNoTTL = errors.New("the key has no TTL, so it isn't a lock of this kind; see who wrote it, and delete it")

// longestWait returns how long a voter that was just enrolled has to wait at the most, if no lock was
// longer than our own may be.
func (l *Locker) longestWait() time.Duration { return l.options.maxTTL + 2*l.options.uncertainty() }

// quorumError explains a ballot that didn't succeed.
func (l *Locker) quorumError(ctx context.Context, name string, d decision) *QuorumError {
	e := &QuorumError{
		Op: d.op.String(), Name: name, Needed: l.needed(),
		Nodes: l.results(d), Reason: d.reason(l.electorate()), cause: ctx.Err(),
	}
	for i, r := range e.Nodes {
		if r.Outcome == TimedOut && r.Err == nil {
			e.Nodes[i].Err = l.voters[i].silence(l.options.nodeTimeout)
		}
		if errors.Is(r.Err, quorum.ErrClosed) {
			e.cause = ErrClosed
		}
	}
	if e.Reason == ErrMembership {
		e.advice = l.membershipAdvice()
	}
	return e
}
