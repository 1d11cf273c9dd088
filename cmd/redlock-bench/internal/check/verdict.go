// Package check judges histories. It's pure: the same history always gets the same verdict.
//
// There are several checkers, one to a file. [Exclusion] asks whether two clients ever believed
// at the same time that they held the lock, and [Minorities] whether one got it that nobody can have
// granted. [Writes] asks what that did to the resource. [Tokens]
// asks whether fencing tokens are fit to tell old writes from new, and [Availability] whether the
// lock gave what it had no reason to refuse. [Linearizable] asks about tokens and the fenced
// register once more, and shares no rule with the others.
//
// A verdict of held means that no violation was found in this history, and that enough happened in it
// for one to be found: faults that were seen to work, clients that contended, writes that can be told
// apart. It means no more than that.
package check

// Verdict is what a checker concludes.
type Verdict string

const (
	// Held means that no violation was found.
	Held Verdict = "held"
	// Violated means that a violation is certain.
	Violated Verdict = "violated"
	// Unknown means that the history can't tell: an operation never returned, the fault that was
	// to be judged wasn't seen to take effect, or too little happened.
	Unknown Verdict = "unknown"
	// None means that there is nothing to judge: the lock has no fencing tokens.
	None Verdict = "none"
)
