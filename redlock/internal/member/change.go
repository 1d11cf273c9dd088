package member

import "slices"

// Change leads voters from one set to another. Whoever makes it asks the voters, takes the step that follows, and asks again.
//
// First, all voters are told the new set, so none of them serves those any more that have the old one alone. All have to say so, or
// be gone for good: else one that forgets it could hear of the old set again. Then the locks run out that the old set
// granted alone, for as long as the longest TTL in use. Last, all voters have to say once more that they know the new set, without
// having forgotten it meanwhile. So there was a moment at which all of them knew it, and any look that began before has ended. Only
// then are those served that have the new set alone.
type Change struct {
	From  Set // the old one
	To    Set
	Asked []bool // by voter: it isn't gone, and can remember a set
	// Date is from when on those with the new set alone are served. It's for the caller to set before it waits.
	Date int64

	waited  Known   // for the decision that was waited for
	numbers []int64 // of the enrolments at that time
}

// Step is what to do next.
type Step uint8

const (
	// Inform: tell all voters that are asked what [Change.Next] returned.
	Inform Step = iota
	// Wait until Date, which is the longest TTL in use after now.
	Wait
	// Complete: there's nothing left to do.
	Complete
	// Unformed: no voter knows of any set, so there's nothing to change.
	Unformed
)

// Next returns the next step, after all voters that are asked have been heard, each in the enrolment with that number.
func (c *Change) Next(views []View, numbers []int64) (Step, Known) {
	target, ok := c.next(views)
	waited := c.numbers != nil && c.waited.ID == target.ID && c.waited.Generation == target.Generation && slices.Equal(c.numbers, numbers)
	switch {
	case !ok:
		return Unformed, target
	case !c.all(views, target):
		c.numbers = nil
		return Inform, target
	case target.From != Pending:
		return Complete, target // those that had missed it know it now, too
	case waited:
		target.From, target.Replaces = c.Date, ""
		return Inform, target
	}
	c.waited, c.numbers = target, slices.Clone(numbers)
	return Wait, target
}

// all reports whether all voters have taken in a decision.
func (c *Change) all(views []View, d Known) bool {
	for voter, v := range views {
		if c.Asked[voter] && !(v.Heard && v.Known.confirms(d)) {
			return false
		}
	}
	return true
}

// confirms reports whether a voter that knows k has taken in a decision. Its date may be another one, if it has one: two may have
// completed the same change.
func (k Known) confirms(d Known) bool {
	return k.ID == d.ID && k.Generation == d.Generation && (d.From == Pending || k.From != Pending)
}

// next returns the decision to make for a set that replaces another: the one that's on its way already, where nobody contradicts it, or the one
// after all that were made. It's not ok where none was made.
func (c *Change) next(views []View) (d Known, ok bool) {
	for _, v := range views {
		if v.Heard && v.Known.Decided() {
			d.Generation, ok = max(d.Generation, v.Known.Generation), true
		}
	}
	begun := Known{Set: c.To, Generation: d.Generation, From: Pending, Replaces: c.From.ID}
	d = begun
	for _, v := range views {
		if !v.Heard || v.Known.Generation != d.Generation {
			continue
		}
		if v.Known.ID != c.To.ID {
			begun.Generation++
			return begun, ok
		}
		if v.Known.From != Pending {
			d.From, d.Replaces = max(d.From, v.Known.From), ""
		}
	}
	return d, ok
}
