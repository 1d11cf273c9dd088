package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// Judgement is what all checkers together say about a history.
type Judgement struct {
	// Exclusion is the verdict on the lock itself, and Overlap for how long more than one
	// client believed that it held it.
	Exclusion Verdict
	Overlap   time.Duration
	// Fencing is the verdict on the tokens and on what the fenced register took.
	Fencing Verdict
	// Availability is the verdict on whether the lock was granted, or kept, where it could be.
	Availability Verdict
	// Acquired and Refused count the attempts to take the lock.
	Acquired, Refused int
	// StaleAccepted counts the stale writes that the plain register took, StaleRefused those
	// that the fenced one refused.
	StaleAccepted, StaleRefused int
	// Lost counts the updates that the plain register lost.
	Lost int
	// Unavailable is for how long the lock was wanted in vain, although nobody believed that they
	// held it.
	Unavailable time.Duration
	// Ghosts counts the keys that requests planted long after their clients had given up.
	Ghosts int
	// Findings says in a sentence each what was found to be wrong.
	Findings []string
	// Doubts says in a sentence each why no verdict can be held: a history in which nothing happened
	// shows no violation either.
	Doubts []string
}

// Judge runs all checkers but [Linearizable]. Where there are doubts, what was held is unknown.
func Judge(h *history.History) Judgement {
	exclusion := Exclusion(h.Beliefs())
	plain, fenced := Writes(h, history.Plain), Writes(h, history.Fenced)
	tokens, availability := Tokens(h), Availability(h)
	if h.Chaos != nil {
		availability = Granted(h)
	}
	j := Judgement{
		Exclusion:     exclusion.Verdict,
		Overlap:       exclusion.Total,
		Fencing:       tokens.Verdict,
		StaleAccepted: plain.StaleAccepted,
		StaleRefused:  fenced.StaleRefused,
		Lost:          plain.Lost,
		Availability:  availability.Verdict,
		Unavailable:   Unavailable(h),
		Ghosts:        len(h.Ghosts),
		Findings:      slices.Concat(tokens.Faults, availability.Faults),
	}
	// Updates that the fenced register lost don't count: no fencing helps where a client reads
	// while the last write of the one before it is still under way.
	if fenced.StaleAccepted > 0 {
		j.Fencing = Violated
		first := fenced.Stale[slices.IndexFunc(fenced.Stale, func(i int) bool { return h.Writes[i].Accepted })]
		j.Findings = append(j.Findings, fmt.Sprintf("%s: the fenced register took a stale write of %s, the first of %d",
			since(h, h.Writes[first].At), h.Writes[first].Client, fenced.StaleAccepted))
	}
	if found := Minorities(h); len(found) > 0 {
		j.Exclusion = Violated
		j.Findings = append(j.Findings, found...)
	}
	j.judgeOthers(h)
	acquired := acquisitions(h)
	for _, o := range exclusion.Overlaps {
		j.Findings = append(j.Findings, o.tell(h, acquired))
	}
	for _, o := range h.Operations {
		switch {
		case o.Op != protocol.Acquire || o.Open():
		case o.OK:
			j.Acquired++
		default:
			j.Refused++
		}
	}
	j.Doubts = doubts(h)
	if len(j.Doubts) > 0 {
		Withhold(&j.Exclusion, &j.Fencing, &j.Availability)
	}
	return j
}

// judgeOthers looks for violations of the other locks. They show none by which a verdict could be held.
func (j *Judgement) judgeOthers(h *history.History) {
	for _, name := range h.OtherNames() {
		other := h.Other(name)
		exclusion, tokens, minorities := Exclusion(other.Beliefs()), Tokens(other), Minorities(other)
		if exclusion.Verdict == Violated || len(minorities) > 0 {
			j.Exclusion = Violated
		}
		if tokens.Verdict == Violated {
			j.Fencing = Violated
		}
		acquired := acquisitions(other)
		for _, o := range exclusion.Overlaps {
			minorities = append(minorities, o.tell(other, acquired))
		}
		for _, finding := range append(minorities, tokens.Faults...) {
			j.Findings = append(j.Findings, fmt.Sprintf("lock %s: %s", name, finding))
		}
	}
}

// Open tells whether one of the verdicts is unknown.
func (j Judgement) Open() bool {
	return j.Exclusion == Unknown || j.Fencing == Unknown || j.Availability == Unknown
}

// Unsafe tells whether the lock or its tokens were violated.
func (j Judgement) Unsafe() bool { return j.Exclusion == Violated || j.Fencing == Violated }

// Withhold makes verdicts of held unknown.
func Withhold(verdicts ...*Verdict) {
	for _, v := range verdicts {
		if *v == Held {
			*v = Unknown
		}
	}
}

// doubts asks all that a verdict of held rests on.
func doubts(h *history.History) []string {
	w := workOf(h)
	if h.Chaos == nil {
		return race(h, w)
	}
	return append(evidence(h), idle(h, w)...)
}
