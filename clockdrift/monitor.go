package clockdrift

import (
	"math"
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
	// Reach is the shortest time over which a lock allows for drift. Within it a clock may gain
	// or lose as much as the drift adds up to, all at once as well: time servers step clocks.
	Reach time.Duration
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

// Monitor watches the clocks of a set of voters. It remembers samples of each, close together
// where they are recent, and compares every new one with all of them. A clock that gained or
// lost more in between than a lock allows for makes its voter suspect: it jumped, or runs at
// another rate.
//
// It sees what its samples show, and gives the benefit of the doubt: up to the round trips of
// two samples a jump can go unnoticed, and one there and back between two of them altogether. A
// Monitor is pure data: it reads no clock and isn't safe for concurrent use.
type Monitor struct {
	config MonitorConfig
	voters []voterClock
}

// Interval is a range of offsets: what has to be added to a reading of our clock to get the
// voter's time since the Unix epoch.
type Interval struct{ Low, High time.Duration }

// Width returns how exactly the offset is known.
func (i Interval) Width() time.Duration { return i.High - i.Low }

// Middle returns the best guess.
func (i Interval) Middle() time.Duration { return i.Low + i.Width()/2 }

// distance returns how far the other interval is from this one, 0 where they overlap.
func (i Interval) distance(o Interval) time.Duration {
	return max(o.Low-i.High, i.Low-o.High, 0)
}

func (i Interval) widen(by time.Duration) Interval { return Interval{i.Low - by, i.High + by} }

// fix is an interval in which the offset was at some moment between two readings of our clock.
type fix struct {
	sent, received time.Duration
	offset         Interval
}

// standing is how a voter compares with the majority.
type standing uint8

const (
	strange standing = iota // not compared yet
	agreeing
	apartFromMost
)

type voterClock struct {
	memory   []fix         // oldest first, never empty once the voter was heard
	best     fix           // which bounds the present offset most closely
	met      time.Duration // when it was heard of first, or again after long
	standing standing      // since then, by exact fixes
	away     time.Duration // from the majority, when they were compared
	passes   bool          // strange, but agrees with a majority as far as is known
	suspect  bool
	since    time.Duration // when it last gave reason to
	jumps    int
	jumped   time.Duration // when the last was seen
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
	now := fix{s.Sent, s.Received, Interval{s.Time - s.Received, s.Time - s.Sent}}
	if len(v.memory) == 0 {
		v.meet(now)
		return false
	}
	if v.jumps > 0 && now.sent < v.jumped {
		return false // overtaken by a later one
	}
	sudden := false
	for i, old := range v.memory {
		next := now
		if i+1 < len(v.memory) {
			next = v.memory[i+1]
		}
		moved := old.offset.distance(now.offset)
		if moved > m.tolerable(now.received-old.sent) {
			v.meet(now)
			v.suspect, v.since = true, now.received
			v.jumps, v.jumped = v.jumps+1, now.received
			return true
		}
		sudden = sudden || moved > m.tolerable(now.received-next.sent)
	}
	if sudden {
		// While nobody looked, it drifted so far, or jumped under a lock that was just granted.
		v.meet(now)
		return false
	}
	if now.offset.Width() <= m.predict(v.best, now.received).Width() {
		v.best = now
	}
	v.remember(now, m.config.Reach, m.config.Memory)
	return false
}

// meet starts over with what is known of a voter, but for the reasons to suspect it.
func (v *voterClock) meet(f fix) {
	*v = voterClock{
		memory: []fix{f}, best: f, met: f.received,
		suspect: v.suspect, since: v.since, jumps: v.jumps, jumped: v.jumped,
	}
}

// grain is the share of an interval of time that may lie between two fixes in the memory.
const grain = 16

// tolerable returns how far a voter's offset may move in d.
//
// A lock that lives for d allows for drift·max(d, Reach). What a clock has gained since the lock
// was granted isn't known, but what it gained since the last fix before that: usually at most a
// grain of the time earlier. So a grain of the allowance is kept back.
func (m *Monitor) tolerable(d time.Duration) time.Duration {
	return m.drift(max(d, m.config.Reach)) * (grain - 1) / grain
}

// remember adds a fix to the memory, and drops those that others stand for.
func (v *voterClock) remember(now fix, reach, memory time.Duration) {
	newest := &v.memory[len(v.memory)-1]
	slot := max(reach/(2*grain), 1) // of each the narrowest is kept, so two are at most two slots apart
	if now.sent/slot <= newest.sent/slot {
		if now.sent >= newest.sent && now.offset.Width() < newest.offset.Width() {
			*newest = now
		}
		return
	}
	v.memory = append(v.memory, now)
	kept := v.memory[:1]
	for i, f := range v.memory[1:] {
		last := i+2 == len(v.memory)
		next := f
		if !last {
			next = v.memory[i+2]
		}
		older := kept[len(kept)-1]
		switch age := now.sent - next.sent; {
		case len(kept) == 1 && now.sent-f.sent >= memory:
			kept[0] = f // the oldest is to be just beyond the memory
		case last || next.sent-older.sent > age/grain:
			kept = append(kept, f)
		}
	}
	clear(v.memory[len(kept):])
	v.memory = kept
}

// predict returns where the offset can be at the time now if the clock wasn't stepped since.
func (m *Monitor) predict(f fix, now time.Duration) Interval {
	return f.offset.widen(m.drift(now - f.sent))
}

// drift returns how far a steady clock can drift in d.
func (m *Monitor) drift(d time.Duration) time.Duration {
	return time.Duration(float64(max(d, 0)) * m.config.Drift)
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

// Unvetted reports whether a voter that was heard of couldn't be compared with a majority yet, and
// for how long that can keep its vote from counting: a clock that was steady for the memory is
// trusted, wherever the others are.
func (m *Monitor) Unvetted(voter int, now time.Duration) (remaining time.Duration, unvetted bool) {
	v := &m.voters[voter]
	remaining = v.met + m.config.Memory - now
	if len(v.memory) == 0 || v.standing != strange || v.passes || remaining <= 0 {
		return 0, false
	}
	return remaining, true
}

// Estimate is what a [Monitor] knows of one voter's clock.
type Estimate struct {
	// Known is false before the first sample; the rest is void then.
	Known bool
	// Offset bounds the voter's time since the Unix epoch less ours, if the clock wasn't stepped
	// since the sample that it comes from, and drifted within the factor.
	Offset Interval
	// RateLow and RateHigh bound how much faster the voter's clock ran than ours over the time
	// that is remembered, as a fraction; -0.5 is half as fast. They are infinite after a single sample.
	RateLow, RateHigh float64
	// Jumps counts the contradictions seen.
	Jumps int
}

// Rate returns the middle of the bounds, 0 as long as there are none.
func (e Estimate) Rate() float64 {
	if math.IsInf(e.RateLow, 0) || math.IsInf(e.RateHigh, 0) {
		return 0
	}
	return (e.RateLow + e.RateHigh) / 2
}

// Estimate returns what is known of a voter's clock at the time now.
func (m *Monitor) Estimate(voter int, now time.Duration) Estimate {
	v := &m.voters[voter]
	if len(v.memory) == 0 {
		return Estimate{}
	}
	e := Estimate{
		Known:  true,
		Offset: m.predict(v.best, now), RateLow: math.Inf(-1), RateHigh: math.Inf(1),
		Jumps: v.jumps,
	}
	oldest, newest := v.memory[0], v.memory[len(v.memory)-1]
	if shortest := float64(newest.sent - oldest.received); shortest > 0 {
		longest := float64(newest.received - oldest.sent)
		low, high := float64(newest.offset.Low-oldest.offset.High), float64(newest.offset.High-oldest.offset.Low)
		e.RateLow = min(low/shortest, low/longest)
		e.RateHigh = max(high/shortest, high/longest)
	}
	return e
}
