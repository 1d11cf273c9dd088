package clockdrift

import (
	"slices"
	"time"
)

// Vet compares the voters that are new, or changed while nobody looked, with all others. One that
// is further off than the tolerance from where a majority of all voters agree is suspect (K.
// Marzullo, Maintaining the Time in a Distributed System, 1984). Where too few were heard of to
// tell, the new ones stay [Monitor.Unvetted]. Call it, each time, when the voters whose votes
// are about to count have been heard.
//
// Agreement of voters that are known to within the tolerance is for good; their drift and steps
// are Observe's business. Until it comes to that, those known to within the precision pass as
// long as they agree. Disagreement is looked at again. A clock that's ahead is trusted once it
// was steady for the memory. One that's behind isn't as long as a majority is known: when it's
// put right, it leaps over the ends of the locks that it granted, and whoever meets it then sees
// a clock that agrees.
func (m *Monitor) Vet(now time.Duration) {
	if !slices.ContainsFunc(m.voters, func(v voterClock) bool { return len(v.memory) > 0 && v.standing != agreeing }) {
		return // nobody new, which is the rule
	}
	if exact, ok := m.Majority(now); ok {
		for i := range m.voters {
			if v := &m.voters[i]; v.standing != agreeing && m.known(v, now, m.config.Tolerance) {
				v.compare(exact, m.tolerated(i, now), now)
			}
		}
	}
	rough, ok := m.majority(now, m.config.Precision)
	for i := range m.voters {
		v := &m.voters[i]
		v.passes = ok && m.known(v, now, m.config.Precision) && rough.distance(m.tolerated(i, now)) == 0
	}
}

// compare takes in where a majority is.
func (v *voterClock) compare(majority, own Interval, now time.Duration) {
	v.away = own.Middle() - majority.Middle()
	switch {
	case majority.distance(own) == 0:
		v.standing = agreeing
	case own.High < majority.Low:
		v.standing, v.suspect, v.since = apartFromMost, true, now
	case v.standing == strange:
		v.standing, v.suspect, v.since = apartFromMost, true, max(v.since, v.met)
	}
}

// Apart reports whether a voter's clock was further off a majority's than is tolerated when they
// were compared last, and by how much: less than 0 if it's behind.
func (m *Monitor) Apart(voter int) (away time.Duration, apart bool) {
	v := &m.voters[voter]
	return v.away, v.standing == apartFromMost
}

// Majority returns where most of all voters agree at the time now, to within the tolerance, and
// whether they do.
func (m *Monitor) Majority(now time.Duration) (offset Interval, ok bool) {
	return m.majority(now, m.config.Tolerance)
}

// majority goes by the voters that are known to within the given width.
func (m *Monitor) majority(now, width time.Duration) (common Interval, ok bool) {
	var known []Interval
	for i := range m.voters {
		if m.known(&m.voters[i], now, width) {
			known = append(known, m.tolerated(i, now))
		}
	}
	common, count := Marzullo(known)
	return common, 2*count > len(m.voters)
}

// known reports whether a voter was heard of lately, and well enough.
func (m *Monitor) known(v *voterClock, now, width time.Duration) bool {
	return len(v.memory) > 0 && m.predict(v.best, now).Width() <= width
}

// tolerated returns where a voter is, give or take half of what two may be apart.
func (m *Monitor) tolerated(voter int, now time.Duration) Interval {
	return m.predict(m.voters[voter].best, now).widen(m.config.Tolerance / 2)
}

// Marzullo returns the smallest interval that lies in the largest number of the given ones,
// and that number.
func Marzullo(intervals []Interval) (common Interval, count int) {
	type edge struct {
		at   time.Duration
		step int
	}
	var edges []edge
	for _, i := range intervals {
		edges = append(edges, edge{i.Low, 1}, edge{i.High, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		return b.step - a.step // touching intervals overlap
	})
	depth := 0
	for i, e := range edges {
		depth += e.step
		if depth > count {
			count = depth
			common = Interval{e.at, edges[i+1].at} // the deepest edge is never the last
		}
	}
	return common, count
}
