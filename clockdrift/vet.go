package clockdrift

import (
	"cmp"
	"slices"
	"time"
)

// Vet compares the voters that are new, or changed while nobody looked, with all others. One that
// no majority of all voters agrees with, to within the tolerance, is suspect if there is a majority
// that agrees (after K. Marzullo, Maintaining the Time in a Distributed System, 1984). Where too few
// were heard of to tell, the new ones stay [Monitor.Unvetted]. Call it, each time, when the voters
// whose votes are about to count have been heard.
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
	if exact := m.majorities(now, m.config.Tolerance); len(exact) > 0 {
		for i := range m.voters {
			if v := &m.voters[i]; v.standing != agreeing && m.known(v, now, m.config.Tolerance) {
				v.compare(exact, m.tolerated(i, now), now)
			}
		}
	}
	rough := m.majorities(now, m.config.Precision)
	for i := range m.voters {
		v := &m.voters[i]
		v.passes = m.known(v, now, m.config.Precision) && meets(rough, m.tolerated(i, now))
	}
}

// compare takes in where majorities agree. Where a voter meets one, it's part of one.
func (v *voterClock) compare(majorities []Interval, own Interval, now time.Duration) {
	first, last := majorities[0], majorities[len(majorities)-1]
	switch {
	case meets(majorities, own):
		v.standing = agreeing
	case own.Low > last.High:
		v.away = own.Middle() - last.Middle()
		if v.standing == strange {
			v.standing, v.suspect, v.since = apartFromMost, true, max(v.since, v.met)
		}
	default:
		v.away = own.Middle() - first.Middle()
		v.standing, v.suspect, v.since = apartFromMost, true, now
	}
}

func meets(regions []Interval, own Interval) bool {
	return slices.ContainsFunc(regions, func(r Interval) bool { return r.distance(own) == 0 })
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
	offset, count := Marzullo(m.all(now, m.config.Tolerance))
	return offset, 2*count > len(m.voters)
}

// majorities returns where more than half of all voters agree, lowest first, by those that are
// known to within the given width. It's more than one place where somebody in the middle agrees
// with two who don't with each other.
func (m *Monitor) majorities(now, width time.Duration) (regions []Interval) {
	depth, need := 0, len(m.voters)/2+1
	for _, e := range edges(m.all(now, width)) {
		if depth += e.step; depth == need && e.step > 0 {
			regions = append(regions, Interval{Low: e.at})
		} else if depth == need-1 && e.step < 0 {
			regions[len(regions)-1].High = e.at
		}
	}
	return regions
}

// all returns where the voters are that are known to within the given width.
func (m *Monitor) all(now, width time.Duration) []Interval {
	var known []Interval
	for i := range m.voters {
		if m.known(&m.voters[i], now, width) {
			known = append(known, m.tolerated(i, now))
		}
	}
	return known
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
	all := edges(intervals)
	depth := 0
	for i, e := range all {
		depth += e.step
		if depth > count {
			count = depth
			common = Interval{e.at, all[i+1].at} // the deepest edge is never the last
		}
	}
	return common, count
}

// edge is where an interval begins (step 1) or ends (-1).
type edge struct {
	at   time.Duration
	step int
}

// edges returns those of all intervals in order. Where two meet, the one begins before the other
// ends: touching intervals overlap.
func edges(intervals []Interval) []edge {
	all := make([]edge, 0, 2*len(intervals))
	for _, i := range intervals {
		all = append(all, edge{i.Low, 1}, edge{i.High, -1})
	}
	slices.SortFunc(all, func(a, b edge) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		return b.step - a.step
	})
	return all
}
