package history

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// Forever is the end of a belief that nothing is known to have ended.
const Forever time.Duration = math.MaxInt64

// Belief is a span, From up to but not including Until, in which a client believed that it
// alone held the lock.
type Belief struct {
	Holder      Holder
	From, Until time.Duration
	// Certain is false where an operation never returned, and the client may or may not have
	// believed.
	Certain bool
}

// Beliefs returns who believed what and when, ordered by From. The beliefs of one holder don't
// overlap, except uncertain ones with certain ones.
//
// A client believes from the instant at which an operation returned until the end of validity
// that it then reported, unless it reports something else before, or gives the lock back: that
// ends its belief when the release begins.
//
// However long ago that end was, a client that later reports a lock which is valid, or that was lost
// at some time, believed all along until then. For a holder whose lock could be extended takes what it
// has read under it to be current, and one that is told of the loss of its lock trusts it until then.
//
// What the harness saw counts more than what a client says. One that looks at its lock when asked, and finds
// it valid, believed until it was asked, whatever end it reports; and it can't have begun to give a lock back
// before it was asked to. The belief of a client that's started anew ends with its process.
func (h *History) Beliefs() []Belief {
	leases := make(map[Holder][]Operation)
	for _, o := range h.Operations {
		holder := Holder{o.Client, o.Lease}
		leases[holder] = append(leases[holder], o)
	}
	var beliefs []Belief
	for holder, operations := range leases {
		beliefs = append(beliefs, h.untilRestart(believed(holder, operations))...)
	}
	slices.SortFunc(beliefs, func(a, b Belief) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Holder.Client, b.Holder.Client), cmp.Compare(a.Holder.Lease, b.Holder.Lease))
	})
	return beliefs
}

// untilRestart cuts the beliefs of a client off where its process ended, which nobody was left to believe after.
func (h *History) untilRestart(beliefs []Belief) []Belief {
	var all []Belief
	for _, b := range beliefs {
		for _, r := range h.Restarts {
			if r.Client == b.Holder.Client && r.Ended >= b.From {
				b.Until = min(b.Until, r.Ended)
			}
		}
		if b.From < b.Until {
			all = append(all, b)
		}
	}
	return all
}

// believed follows one lease through its operations, which one client performs one by one.
func believed(holder Holder, operations []Operation) []Belief {
	var beliefs []Belief
	add := func(from, until time.Duration, certain bool) {
		last := len(beliefs) - 1
		switch {
		case from >= until:
		case last >= 0 && beliefs[last].Certain == certain && beliefs[last].Until == from:
			beliefs[last].Until = until
		default:
			beliefs = append(beliefs, Belief{holder, from, until, certain})
		}
	}
	var from, until time.Duration // what was last reported
	for _, o := range operations {
		if o.Looked && o.OK && from > 0 {
			until = max(until, o.Sent)
		}
		switch {
		case o.Op == protocol.Release:
			add(from, min(until, max(o.Invoked, o.Sent)), true)
			from, until = 0, 0
		case o.Open() && (o.Op == protocol.Acquire || o.Op == protocol.Extend):
			add(o.Invoked, Forever, false)
		case o.Open():
			// The client still believes what it last reported.
		case from > 0 && o.LostAt > 0:
			add(min(from, until), o.LostAt, true)
			from, until = o.Returned, o.LostAt
		case from > 0 && o.ValidUntil > o.Returned:
			add(min(from, until), o.Returned, true)
			from, until = o.Returned, o.ValidUntil
		default:
			until = min(until, o.Returned)
			add(from, until, true)
			from, until = o.Returned, max(until, o.ValidUntil)
		}
	}
	add(from, until, true)
	return beliefs
}
