package guard

import (
	"time"

	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// A voter that has just been enrolled may have forgotten locks. They're all over when the agreed
// time has passed the moment of its enrolment by the longest TTL in use, so it votes from then on.
// No clock of its own takes part, and nobody but a client that heard of the enrolment can say when
// that is. The TTLs in use are what the voters remember: each lock was granted by a majority, and
// each majority that is heard here has a voter in common with it.

// Marker is what a voter says of its enrolment.
type Marker struct {
	Number  int64         // which one it is; 0 if it wasn't heard of yet
	Until   Time          // from when on it votes; 0 while nobody has said
	Longest time.Duration // the longest TTL of the locks that it granted, as far as it remembers
	// Not in the reply to an admission:
	Known     member.Known  // for which set of voters it votes
	Served    bool          // a locker that has that set alone was served
	ServedAgo time.Duration // so long ago
}

// Waits reports whether a voter with this marker doesn't vote yet, as far as is known, and for how long that lasts: MaxTTL, while nobody
// has said.
func (g *Guard) Waits(m Marker) (left time.Duration, waits bool) {
	if m.Until == 0 {
		return g.MaxTTL, m.Number != 0
	}
	now, known := g.Now()
	left = now.Left(m.Until)
	return left, known && left > 0
}

// Enrolled takes in what a voter says of its enrolment.
func (g *Guard) Enrolled(voter int, m Marker) {
	now, _ := g.Now()
	g.mu.Lock()
	g.markers[voter] = m
	certain := g.certain[voter] == m.Number
	g.mu.Unlock()
	// Another locker, with a longer MaxTTL, may have said so for want of better knowledge.
	tooLong := m.Until > now.Latest.After(g.MaxTTL) && !certain
	if m.Until == 0 || tooLong {
		g.Newcomer()
	}
}

// Marker returns what a voter said last of its enrolment.
func (g *Guard) Marker(voter int) Marker {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.markers[voter]
}

// Admission says from when on a voter votes.
type Admission struct {
	Voter   int
	Number  int64 // of the enrolment
	Until   Time
	Longest time.Duration // the longest TTL in use
	Certain bool          // so it may shorten a longer wait
}

// Admissions returns whom to tell from when on they vote, by what the voters said in one look; nil stands for those that didn't answer.
func (g *Guard) Admissions(said []*Marker) []Admission {
	now, known := g.Now()
	if !known || !g.electorate.Majority(func(voter int) bool { return said[voter] != nil }) {
		return nil
	}
	var longest time.Duration
	for _, m := range said {
		if m != nil {
			longest = max(longest, m.Longest)
		}
	}
	until := now.Latest.After(max(longest, g.MaxTTL))
	var all []Admission
	g.mu.Lock()
	defer g.mu.Unlock()
	for voter, m := range said {
		if m == nil || m.Number == 0 {
			continue
		}
		certain := g.isCertain(voter, said)
		if certain {
			g.certain[voter] = m.Number
		}
		if m.Until == 0 || (certain && m.Until > until) {
			all = append(all, Admission{voter, m.Number, until, longest, certain})
		}
	}
	return all
}

// isCertain reports whether so many have answered that it's known for certain which locks in use are the longest: any majority
// of any set that granted one includes somebody else than the newcomer who remembers it. The caller holds mu.
func (g *Guard) isCertain(newcomer int, said []*Marker) bool {
	for _, set := range g.electorate.Sets() {
		others := 0
		for _, voter := range set {
			if voter != newcomer && said[voter] != nil && !g.views[voter].Mute {
				others++
			}
		}
		if others <= (len(set)-1)/2 {
			return false
		}
	}
	return true
}

// Told takes in what a voter knows of its set. It asks for an admission where somebody has to tell it.
func (g *Guard) Told(voter int, k member.Known) {
	g.mu.Lock()
	g.views[voter].Heard, g.views[voter].Known = true, k
	inForce, ok := g.Members.InForce(g.views)
	g.mu.Unlock()
	g.settled.Store(ok)
	missed := ok && !inForce.Changing() && k.Generation < inForce.Generation // what was decided since it left the list
	if !k.Decided() || missed {
		g.Newcomer()
	}
}

// View returns what a voter has said last of its set.
func (g *Guard) View(voter int) member.View {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.views[voter]
}

// Forming reports whether voters wait for somebody to tell them that they vote for the locker's set, and nobody has
// said that they vote for another.
func (g *Guard) Forming() bool {
	if g.settled.Load() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	waiting := false
	for _, v := range g.views {
		switch {
		case !v.Heard || v.Mute:
		case !v.Known.Blank() && !g.Members.Has(v.Known.ID):
			return false
		case !v.Known.Decided():
			waiting = true
		}
	}
	return waiting
}
