package redlock

import (
	"context"
	"errors"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// opForm is what a [QuorumError] of [Locker.Form] calls it.
const opForm = "form"

// Form says that the locker's voters are new: no lock was ever held on them. They vote for this locker's set from now on. Without Form
// they do so by themselves, when they have waited for MaxTTL: who meets a server for the first time can't tell it from one that has
// forgotten its locks.
//
// It's for whoever sets servers up, once: tests, and whoever installs a quorum. A program that calls it at each start gives up the
// guard against servers that all lose their memory at once. On servers that have granted locks since they were
// enrolled it shortens no wait. It also decides between lockers that have claimed new servers for different sets.
//
// All voters have to answer, otherwise it fails with a [*QuorumError] that matches [ErrNoQuorum], and with one that matches
// [ErrMembership] where a voter votes for another set already. It contradicts [WithoutGuards] and [WithoutFencing].
func (l *Locker) Form(ctx context.Context) error {
	if l.guard == nil {
		return errNoSets("Form")
	}
	if !l.busy.begin(l.draining) {
		return ErrClosed
	}
	defer l.busy.running.Done()
	heard := l.look(ctx, exchangeTimeout(l.options.nodeTimeout), nil)
	e := l.formError(ctx, heard)
	if e.Granted() < len(e.Nodes) {
		return e
	}
	used, numbers := false, make([]int64, len(l.voters))
	for voter, a := range heard.Answers {
		if m := a.Reply.marker; m != nil {
			numbers[voter], used = m.Number, used || m.Longest > 0
		}
	}
	now, known := l.guard.Now()
	if !known {
		l.disagreement(e.Nodes)
		return e
	}
	views := make([]member.View, len(l.voters))
	var tells []member.Tell
	for voter, v := range l.voters {
		switch {
		case !v.guarded():
			views[voter].Heard = true
		case used:
			tells = append(tells, l.formTell(voter))
		default:
			tells = append(tells, l.formTell(voter))
			l.sendAdmission(voter, request{op: opAdmit, fence: numbers[voter], deadline: now.Earliest, restore: true})
		}
	}
	l.tell(ctx, tells, numbers, views) // behind the admissions, in the same queues
	for voter, v := range views {
		if l.voters[voter].guarded() && !(v.Heard && l.members.config.Has(v.Known.ID)) {
			e.Nodes[voter].Outcome = Failed
			e.Nodes[voter].Err = errors.New("it didn't confirm the set of voters; try again")
		}
	}
	if e.Granted() < len(e.Nodes) {
		return e
	}
	return nil
}

func (l *Locker) formTell(voter int) member.Tell {
	return member.Tell{Voter: voter, Known: member.Known{Set: l.members.config[0].Set, Generation: 1}}
}

// formError says which voters can't form the set.
func (l *Locker) formError(ctx context.Context, heard quorum.Outcome[reply]) *QuorumError {
	e := &QuorumError{Op: opForm, Needed: len(l.nodes), Nodes: l.results(l.judge(opLook, heard, false)), Reason: ErrNoQuorum, cause: ctx.Err()}
	for voter := range e.Nodes {
		k := l.guard.View(voter).Known
		if r := &e.Nodes[voter]; r.Outcome == Granted && k.Decided() && !l.members.config.Has(k.ID) {
			r.Outcome, r.Err = WrongQuorum, l.otherSet(voter)
			e.Reason, e.advice = ErrMembership, l.membershipAdvice()
		}
	}
	return e
}

// begins lets the voters be told, while the program starts, from when on they vote and for whom.
func (l *Locker) begins() {
	if l.guard != nil && !l.options.lazy {
		l.startAdmission()
	}
}
