package clockdrift

import (
	"math"
	"slices"
	"time"
)

// Sample is one reading of a voter's clock. The voter read Time (since the Unix epoch, by its
// own clock) at some moment between Sent and Received, which are readings of our [Clock].
type Sample struct {
	Sent, Received time.Duration
	Time           time.Duration
}

// MonitorConfig says what a [Monitor] tolerates.
type MonitorConfig struct {
	// Drift is the largest rate, as a fraction, by which a voter's clock may run faster or
	// slower than ours.
	Drift float64
	// Slack is how far a clock may be stepped besides that within one Memory. Time servers
	// step clocks by a few milliseconds now and then.
	Slack time.Duration
	// Tolerance is how far a voter may be off the majority at first contact.
	Tolerance time.Duration
	// Precision is how exactly a voter's offset has to be known, as the width of its interval,
	// before it's compared with the majority: at least the Tolerance. What took longer to come,
	// perhaps because we were stopped meanwhile, fits any clock.
	Precision time.Duration
	// Memory is how far back a clock is watched, and for how long a voter that was found out
	// has to be steady before it's trusted again: the longest TTL of a lock.
	Memory time.Duration
}

// Monitor watches the clocks of a set of voters. It keeps, for each voter, the interval in
// which the offset of its clock to ours must lie. A reply that can't be reconciled with what
// is known makes the voter suspect: its clock jumped, or runs at another rate.
//
// It sees what its samples show: a clock that jumps there and back between two of them goes
// unnoticed. A Monitor is pure data: it reads no clock and isn't safe for concurrent use.
type Monitor struct {
	config MonitorConfig
	voters []voterClock
}

// Interval is a range of offsets: what has to be added to a reading of our clock to get the
// voter's time since the Unix epoch.
type Interval struct{ Low, High time.Duration }

// distance returns how far the other interval is from this one, 0 where they overlap.
func (i Interval) distance(o Interval) time.Duration {
	return max(o.Low-i.High, i.Low-o.High, 0)
}

// intersect returns what lies in both, or i itself where they don't overlap.
func (i Interval) intersect(o Interval) Interval {
	if i.distance(o) > 0 {
		return i
	}
	return Interval{max(i.Low, o.Low), min(i.High, o.High)}
}

func (i Interval) width() time.Duration { return i.High - i.Low }

func (i Interval) widen(by time.Duration) Interval { return Interval{i.Low - by, i.High + by} }

// fix is an interval and when it was found.
type fix struct {
	at     time.Duration
	offset Interval
}

// anchor is what a clock is held to for one memory.
type anchor struct {
	sample fix      // as it came
	known  Interval // narrowed by what came later
}

func newAnchor(f fix) anchor { return anchor{f, f.offset} }

type voterClock struct {
	samples int
	best    fix // narrowest that all recent samples agree on
	anchors [2]anchor
	met     time.Duration // when it was heard of first, or again after long
	vetted  bool          // was compared with a majority since then, all of them known exactly
	passes  bool          // agrees with a majority as far as is known
	suspect bool
	since   time.Duration // when it became suspect
	jumps   int
}

// NewMonitor returns a monitor of n voters of which nothing is known yet.
func NewMonitor(n int, config MonitorConfig) *Monitor {
	return &Monitor{config: config, voters: make([]voterClock, n)}
}

// Remember makes the memory longer: locks live longer than was known. What has been forgotten
// doesn't come back; a voter that is suspect is so for the new memory.
func (m *Monitor) Remember(memory time.Duration) {
	m.config.Memory = max(m.config.Memory, memory)
}

// Observe takes a sample of a voter's clock and reports whether it contradicts the earlier ones.
func (m *Monitor) Observe(voter int, s Sample) (jumped bool) {
	v := &m.voters[voter]
	now := fix{at: s.Received, offset: Interval{s.Time - s.Received, s.Time - s.Sent}}
	if v.samples == 0 || m.stale(v, now.at) {
		// What is known is too old to say anything about the clock's steadiness.
		*v = voterClock{samples: 1, best: now, anchors: [2]anchor{newAnchor(now), newAnchor(now)}, met: now.at, suspect: v.suspect, since: v.since, jumps: v.jumps}
		return false
	}
	v.samples++
	for i := range v.anchors {
		a := &v.anchors[i]
		drift := m.drift(now.at - a.sample.at)
		if a.known.widen(drift+m.config.Slack).distance(now.offset) > 0 {
			v.best, v.anchors = now, [2]anchor{newAnchor(now), newAnchor(now)}
			v.suspect, v.since = true, now.at
			v.jumps++
			return true
		}
		// A reply that took long, perhaps because we were stopped, says little. What the next
		// ones say holds for that time, too.
		a.known = a.known.intersect(now.offset.widen(drift))
	}
	// Two anchors, so that one always reaches back for at least half of the memory.
	if now.at-v.anchors[1].sample.at > m.config.Memory/2 {
		v.anchors = [2]anchor{v.anchors[1], newAnchor(now)}
	}
	v.best = m.narrow(v.best, now)
	return false
}

// predict returns where the offset can be at the time now if the clock is steady.
func (m *Monitor) predict(f fix, now time.Duration) Interval {
	return f.offset.widen(m.drift(now - f.at))
}

// drift returns how far a steady clock can drift in d.
func (m *Monitor) drift(d time.Duration) time.Duration {
	return time.Duration(float64(max(d, 0)) * m.config.Drift)
}

func (m *Monitor) narrow(old, now fix) fix {
	p := m.predict(old, now.at)
	if p.distance(now.offset) > 0 {
		return now // a step that is tolerated
	}
	return fix{now.at, p.intersect(now.offset)}
}

func (m *Monitor) stale(v *voterClock, now time.Duration) bool {
	return now-v.best.at > m.config.Memory
}

// Suspect reports whether a voter's vote mustn't count at the time now, and for how long it
// has to be steady yet.
func (m *Monitor) Suspect(voter int, now time.Duration) (remaining time.Duration, suspect bool) {
	v := &m.voters[voter]
	remaining = v.since + m.config.Memory - now
	if !v.suspect || remaining <= 0 {
		return 0, false
	}
	return remaining, true
}

// Vet compares the voters that are new, or weren't heard of for long, with all that were heard
// of lately. One that is further off than the tolerance from where a majority of all voters
// agree is suspect (K. Marzullo, Maintaining the Time in a Distributed System, 1984). Where too
// few were heard of to tell, the new ones stay [Monitor.Unvetted]. Call it, each time, when the
// voters whose votes are about to count have been heard.
//
// One comparison of voters that are known to within the tolerance is for good. Until it comes
// to that, those known to within the precision pass as long as they agree.
func (m *Monitor) Vet(now time.Duration) {
	if !slices.ContainsFunc(m.voters, func(v voterClock) bool { return v.samples > 0 && !v.vetted }) {
		return // nobody new, which is the rule
	}
	if exact, ok := m.majority(now, m.config.Tolerance); ok {
		for i := range m.voters {
			v := &m.voters[i]
			if !m.compared(v, now, m.config.Tolerance) || v.vetted {
				continue
			}
			v.vetted = true
			if _, already := m.Suspect(i, now); !already && exact.distance(m.tolerated(i, now)) > 0 {
				v.suspect, v.since = true, v.best.at
			}
		}
	}
	rough, ok := m.majority(now, m.config.Precision)
	for i := range m.voters {
		v := &m.voters[i]
		v.passes = ok && m.compared(v, now, m.config.Precision) && rough.distance(m.tolerated(i, now)) == 0
	}
}

// majority returns where most of all voters agree, and whether they do, by those that are
// known to within the given width.
func (m *Monitor) majority(now, width time.Duration) (common Interval, ok bool) {
	var known []Interval
	for i := range m.voters {
		if m.compared(&m.voters[i], now, width) {
			known = append(known, m.tolerated(i, now))
		}
	}
	common, count := Marzullo(known)
	return common, 2*count > len(m.voters)
}

// compared reports whether a voter was heard of lately, and well enough.
func (m *Monitor) compared(v *voterClock, now, width time.Duration) bool {
	return v.samples > 0 && !m.stale(v, now) && v.best.offset.width() <= width
}

// Unvetted reports whether a voter that was heard of couldn't be compared with a majority yet, and
// for how long that can keep its vote from counting: a clock that was steady for the memory is
// trusted, wherever the others are.
func (m *Monitor) Unvetted(voter int, now time.Duration) (remaining time.Duration, unvetted bool) {
	v := &m.voters[voter]
	remaining = v.met + m.config.Memory - now
	if v.samples == 0 || v.vetted || v.passes || remaining <= 0 {
		return 0, false
	}
	return remaining, true
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

// Estimate is what a [Monitor] knows of one voter's clock.
type Estimate struct {
	// Known is false before the first sample; the rest is void then.
	Known bool
	// Offset bounds the voter's time since the Unix epoch less ours.
	Offset Interval
	// RateLow and RateHigh bound how much faster the voter's clock ran than ours over the time
	// that is remembered, as a fraction; -0.5 is half as fast. They are infinite after a single sample.
	RateLow, RateHigh float64
	// Jumps counts the contradictions seen.
	Jumps int
}

// Estimate returns what is known of a voter's clock at the time now.
func (m *Monitor) Estimate(voter int, now time.Duration) Estimate {
	v := &m.voters[voter]
	if v.samples == 0 {
		return Estimate{}
	}
	anchor := v.anchors[0].sample
	e := Estimate{
		Known:  true,
		Offset: m.predict(v.best, now), RateLow: math.Inf(-1), RateHigh: math.Inf(1),
		Jumps: v.jumps,
	}
	if span := float64(v.best.at - anchor.at); span > 0 {
		e.RateLow = float64(v.best.offset.Low-anchor.offset.High) / span
		e.RateHigh = float64(v.best.offset.High-anchor.offset.Low) / span
	}
	return e
}
