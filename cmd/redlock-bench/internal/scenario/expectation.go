package scenario

import (
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// Any stands for an expected verdict where every one is as expected but unknown.
const Any check.Verdict = "any"

// Expectation is what a scenario should show under one subject.
type Expectation struct {
	// Exclusion, Fencing and Availability are the expected verdicts.
	Exclusion, Fencing, Availability check.Verdict
	// StaleWrites tells that the plain register takes a stale write, and that the fenced one
	// refuses it if the subject has tokens. Scenarios about something else don't say.
	StaleWrites bool
	// LostUpdates tells whether the plain register loses updates, Races that it may or may not.
	LostUpdates, Races bool
}

// Expect returns what the scenario should show under sub.
func (s Scenario) Expect(sub subject.Subject) Expectation {
	if sub.Stranger {
		return Expectation{Exclusion: Any, Fencing: Any, Availability: Any, Races: true}
	}
	if s.BuiltIn && sub.Open == nil {
		return Expectation{Exclusion: check.None, Fencing: check.None, Availability: check.None}
	}
	e := Expectation{Exclusion: check.Held, Fencing: check.None, Availability: check.None, StaleWrites: s.StaleWrites}
	if sub.Traits.Any(s.Breaks) {
		e.Exclusion = check.Violated
	}
	switch {
	case sub.Fencing && sub.Traits.Any(s.BreaksTokens):
		e.Fencing = check.Violated
	case sub.Fencing:
		e.Fencing = check.Held
	}
	switch {
	case sub.Traits.Any(s.Denies):
		e.Availability = check.Violated
	case s.Demands:
		e.Availability = check.Held
	}
	e.LostUpdates = e.StaleWrites || e.Exclusion == check.Violated
	e.Races = sub.Traits.Any(s.Races)
	return e
}

// Missed tells whether a judgement lacks something bad that was expected to be seen, or to be
// prevented by the tokens.
func (e Expectation) Missed(j check.Judgement) bool {
	if e.StaleWrites && (j.StaleAccepted == 0 || e.Fencing == check.Held && j.StaleRefused == 0) {
		return true
	}
	return e.LostUpdates && !e.Races && j.Lost == 0 ||
		e.Exclusion == check.Violated && j.Exclusion != check.Violated ||
		e.Availability == check.Violated && j.Availability != check.Violated
}

// Met tells whether a judgement is as expected.
func (e Expectation) Met(j check.Judgement) bool {
	if e.Missed(j) || j.Lost > 0 && !e.LostUpdates && !e.Races {
		return false
	}
	return meets(j.Exclusion, e.Exclusion) && meets(j.Fencing, e.Fencing) && meets(j.Availability, e.Availability)
}

// meets tells whether a verdict is the expected one. Unknown is none that could be expected.
func meets(got, expected check.Verdict) bool {
	return got != check.Unknown && (expected == Any || got == expected)
}
