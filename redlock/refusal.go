package redlock

import "time"

// A server may refuse one kind of request and carry out the others: one whose memory is full still releases
// locks, a replica can be read, and a user may lack the right to PEXPIRE alone. So an answer to one kind doesn't show that
// the voter is of use for another, and what's refused is remembered by kind.

// errand is a kind of request, as far as rights and the state of a server go.
type errand uint8

const (
	errandAcquire errand = iota
	errandExtend
	errandRelease
	errandOther // no vote depends on it
	errands
)

var errandOf = [...]errand{
	opAcquire: errandAcquire, opConfirm: errandAcquire, opLook: errandAcquire, opAdmit: errandAcquire, opTell: errandAcquire,
	opExtend: errandExtend, opExtendPlain: errandExtend, opRelease: errandRelease, opInspect: errandOther, opWait: errandOther,
}

const (
	// refusedWrites is for how long a refused acquisition counts for more than answers for which the server
	// wrote nothing: that another holds the lock.
	refusedWrites = 10 * time.Second
	// refusedRights is for how long an extension or release that can't be had counts while none is asked for, and
	// locks are granted.
	refusedRights = 10 * time.Minute
)

// refusal is the error that a server answered an errand with last, unless it has run it since.
type refusal struct {
	err     error
	at      time.Time
	outcome Outcome
}

// refusals are those of one voter.
type refusals [errands]refusal

// note takes in an answer that came at a time. The outcome is that of the answer's error.
func (r *refusals) note(op operation, said reply, err error, outcome Outcome, at time.Time) {
	kind := errandOf[op]
	switch {
	case err != nil:
		r[kind] = refusal{err, at, outcome}
	case op == opLook || op == opAdmit || op == opTell || (op == opConfirm && said.status != statusOK):
		// They show nothing of the rest.
	case kind != errandAcquire:
		r[kind] = refusal{}
	case said.status == statusOK:
		r.granted(at)
	case said.status != statusHeld || at.Sub(r[kind].at) > refusedWrites:
		r[kind] = refusal{}
	}
}

// granted notes that the server has written: what it refused in passing is over.
func (r *refusals) granted(at time.Time) {
	for kind, last := range r {
		if last.err == nil {
			continue
		}
		counts := errand(kind) == errandExtend || errand(kind) == errandRelease
		if !counts || last.outcome != Unfit || at.Sub(last.at) > refusedRights {
			r[kind] = refusal{}
		}
	}
}

// last returns the latest of those that still count, if there's any.
func (r *refusals) last() (last refusal, counts bool) {
	for _, one := range r {
		if one.err != nil && (last.err == nil || one.at.After(last.at)) {
			last = one
		}
	}
	return last, last.err != nil
}
