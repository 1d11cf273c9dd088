package redlock

import (
	"time"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// A request's answers are judged here and nowhere else: who has won, which fencing values count, whether it's known why an attempt has
// failed, who goes on after a split vote, whether it's worth a second try, when the lock will be free, and what the error says.

// said is what a voter's answer says by itself. While a ballot is under way that's all there is to go by.
func said(a quorum.Answer[reply]) Outcome {
	switch {
	case !a.Heard:
		return Unawaited
	case a.Err != nil:
		return Failed
	}
	switch a.Reply.status {
	case statusOK:
		return Granted
	case statusHeld:
		return Held
	case statusGone:
		return Gone
	case statusQuarantined:
		return Quarantined
	case statusAstray:
		return ClockSuspect
	case statusWrongQuorum:
		return WrongQuorum
	}
	return Failed // a status of a later version
}

// vote is what an answer counts for.
func vote(a quorum.Answer[reply]) quorum.Vote {
	switch said(a) {
	case Granted:
		return quorum.Yes
	case Unawaited, Failed:
		return quorum.Unknown
	}
	return quorum.No
}

// verdict is what became of a request at one voter, once its ballot is over.
type verdict struct {
	outcome Outcome
	left    time.Duration // for how long the voter will go on to refuse
	bounded bool          // it's known that it's no longer than that, or there's no refusal
	over    bool          // it refused only because it was asked with an earlier time than is known by now
}

// circumstances are what a verdict depends on besides the answer.
type circumstances struct {
	op                       operation
	expired, cancelled, late bool       // the waiting ended before the ballot; by the caller; a majority's yes came when the window had closed
	now                      guard.Span // void without guards
	maxTTL                   time.Duration
	elsewhere                bool // the voter is known to vote for another set
	link                     connection
}

// judge is pure.
func judge(a quorum.Answer[reply], c circumstances) verdict {
	v := verdict{outcome: said(a)}
	guarded := c.now != guard.Span{}
	timed := a.Reply.until != 0 && guarded
	switch v.outcome {
	case Unawaited:
		switch {
		case !c.expired && c.op == opAcquire && c.elsewhere:
			v.outcome = WrongQuorum // nobody had to wait to hear it again
		case c.expired && !c.cancelled:
			v.outcome = TimedOut
		}
	case Failed:
		if a.Err != nil {
			v.outcome = diagnose(a.Err, c.link).outcome
		}
	case Granted:
		v.bounded = true
		if c.late {
			v.outcome = Late
		}
	case Held, Quarantined:
		switch {
		case c.op != opAcquire:
		case timed:
			v.left, v.bounded = c.now.Left(a.Reply.until), true
			v.over = v.left == 0
		case v.outcome == Quarantined:
			v.left = c.maxTTL // at the least: nobody has said yet
		default:
			v.left = time.Duration(max(a.Reply.value, 0)) * time.Millisecond
			v.bounded = a.Reply.until != 0 || a.Reply.value > 0
		}
	}
	return v
}

// decision is a ballot that is over. The verdicts are there where somebody needs them: where it failed, or hooks hear of it.
type decision struct {
	quorum.Outcome[reply]
	op       operation
	verdicts []verdict // by voter
}

// judge works out the verdicts on a ballot that's over. It's late where a majority said yes when the window had closed.
func (l *Locker) judge(op operation, o quorum.Outcome[reply], late bool) decision {
	d := decision{Outcome: o, op: op, verdicts: make([]verdict, len(l.voters))}
	c := circumstances{op: op, expired: o.Expired, cancelled: o.Cancelled, late: late, now: l.now(), maxTTL: l.options.maxTTL}
	for voter, a := range o.Answers {
		c.elsewhere, c.link = l.otherSet(voter) != nil, l.voters[voter].link
		d.verdicts[voter] = judge(a, c)
	}
	return d
}

// are returns whether a voter's verdict is one of these.
func (d *decision) are(outcomes ...Outcome) func(voter int) bool {
	return func(voter int) bool {
		for _, o := range outcomes {
			if d.verdicts[voter].outcome == o {
				return true
			}
		}
		return false
	}
}

// any reports whether there's such a verdict.
func (d *decision) any(o Outcome) bool {
	for _, v := range d.verdicts {
		if v.outcome == o {
			return true
		}
	}
	return false
}

// reason is the error that a ballot amounts to which didn't succeed.
//
// An acquisition failed because of another holder if the voters that named one are too many
// for a majority, or if enough voters answered and some of them named one. A lock
// that is held already is lost only if so many voters refused that the silent ones can't make
// up a majority.
func (d *decision) reason(all quorum.Electorate) error {
	switch {
	case all.Blocked(d.are(Unfit)):
		return ErrUnfit
	case all.Blocked(d.are(WrongQuorum)):
		return ErrMembership
	case d.op.extends() && all.Blocked(d.are(Held, Gone)):
		return ErrLost
	case d.op != opAcquire && d.op != opConfirm, d.any(Late):
		return ErrNoQuorum
	case all.Blocked(d.are(Held)) || (d.any(Held) && all.Majority(d.are(Granted, Held))):
		return ErrNotAcquired
	case d.any(WrongQuorum):
		return ErrMembership // two sets have this voter, whatever the others say
	case d.any(Quarantined) && !d.Cancelled && all.Majority(d.are(Granted, Held, Quarantined, Unawaited)):
		return ErrQuarantined
	}
	return ErrNoQuorum
}

// outdated reports whether an attempt that was refused would be granted by the time as it's known now.
func (d *decision) outdated(all quorum.Electorate) bool {
	over := func(voter int) bool { return d.verdicts[voter].over }
	for voter := range d.verdicts {
		if over(voter) {
			return all.Majority(func(voter int) bool { return over(voter) || d.verdicts[voter].outcome == Granted })
		}
	}
	return false
}
