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

// At returns the span in which the voter's clock must be when ours reads now: the sample, moved
// on by what has passed since. The span grows with age, since either clock may be off by the
// drift factor.
func (s Sample) At(now time.Duration, drift float64) Interval {
	if s.Time <= Unknown.Low || s.Time >= Unknown.High {
		return Unknown // no such clock is right
	}
	return Interval{
		Low:  max(s.Time+now-s.Received-widening(now-s.Received, drift), Unknown.Low),
		High: min(s.Time+now-s.Sent+widening(now-s.Sent, drift), Unknown.High),
	}
}

func widening(age time.Duration, drift float64) time.Duration {
	return time.Duration(math.Ceil(float64(max(age, 0)) * drift))
}

// Interval is a span of time that holds a moment, as time since the Unix epoch.
type Interval struct{ Low, High time.Duration }

// Unknown is the interval of a clock of which nothing is known, 146 years either way. Its width
// can still be computed.
var Unknown = Interval{Low: -math.MaxInt64 / 2, High: math.MaxInt64 / 2}

// Width returns how exactly the moment is known.
func (i Interval) Width() time.Duration { return i.High - i.Low }

// Known reports whether the interval has both ends.
func (i Interval) Known() bool { return i.Low > Unknown.Low && i.High < Unknown.High }

// Widen returns the interval with by more at either end. What's unknown stays unknown.
func (i Interval) Widen(by time.Duration) Interval {
	return Interval{Low: max(i.Low-by, Unknown.Low), High: min(i.High+by, Unknown.High)}
}

// apart reports whether two intervals have no moment in common.
func (i Interval) apart(j Interval) bool { return i.Low > j.High || j.Low > i.High }

// Middle returns the best guess.
func (i Interval) Middle() time.Duration { return i.Low + i.Width()/2 }

// Agreed returns the time that n clocks agree on, f = (n-1)/2 of which may be wrong in any way: Low
// is the (f+1)-th smallest of the lower bounds, High the (f+1)-th largest of the upper ones. A clock
// that isn't known takes part as [Unknown].
//
// If the other n-f clocks are within ε of true time, true time lies within ε of the interval,
// whatever the f do. For Low: n-f of the lower bounds are no smaller than Low. That's more than
// f, so one of them is a right clock's, which is at most ε above true time. High is the same in
// the mirror. And the interval is tight as long as the clocks that are wrong and those that
// aren't known are f together: f+1 lower bounds are no larger than Low, so one of these is a
// right clock's, too. See K. Marzullo, Maintaining the Time in a Distributed System (Stanford, 1984).
func Agreed(clocks []Interval) Interval {
	n := len(clocks)
	if n == 0 {
		return Unknown
	}
	low, high := make([]time.Duration, n), make([]time.Duration, n)
	for i, c := range clocks {
		low[i], high[i] = c.Low, c.High
	}
	slices.Sort(low)
	slices.Sort(high)
	f := (n - 1) / 2
	return Interval{Low: low[f], High: high[n-1-f]}
}

// Clocks follows the time that n voters' clocks agree on. It remembers what they agreed on at one
// moment, and not what each of them said: true time goes on at the rate of our own clock, to
// within the drift factor, but a clock that was wrong once and is right now, or the other way round, would be
// counted with the wrong ones of another moment. Only samples of the last moments are put together.
//
// It judges nobody. It's pure data: it reads no clock and isn't safe for concurrent use.
type Clocks struct {
	drift    float64
	maxError time.Duration
	together time.Duration
	sets     [][]int
	samples  []Sample
	known    []bool

	agreed Interval      // what they agreed on
	at     time.Duration // when that was, by our clock
	now    []Interval    // of one set, for computing it, to spare allocations
}

// NewClocks returns the clocks of n voters of which nothing is known yet. The rate of our own clock
// is off true time's by the drift factor at most, and a right clock is off it by maxError at most.
// Samples that were sent for within the given time are taken for those of one moment.
func NewClocks(n int, drift float64, maxError, together time.Duration) *Clocks {
	all := make([]int, n)
	for voter := range all {
		all[voter] = voter
	}
	return NewJointClocks(drift, maxError, together, all)
}

// NewJointClocks is [NewClocks] for voters in several sets, numbered from 0. A majority of each set has to be right. What each
// set agrees on is true then, so all of it is.
func NewJointClocks(drift float64, maxError, together time.Duration, sets ...[]int) *Clocks {
	n := 0
	for _, set := range sets {
		for _, voter := range set {
			n = max(n, voter+1)
		}
	}
	return &Clocks{
		drift: drift, maxError: maxError, together: together, sets: sets,
		samples: make([]Sample, n), known: make([]bool, n), now: make([]Interval, n),
		agreed: Unknown,
	}
}

// Observe takes in a sample of a voter's clock.
func (c *Clocks) Observe(voter int, s Sample) {
	old, now := c.samples[voter], s.Received
	before, at := old.At(now, c.drift), s.At(now, c.drift)
	if c.known[voter] && now-old.Sent <= c.together && before.Width() < at.Width() && !before.apart(at) {
		return // of the same moment, and it says more
	}
	c.samples[voter], c.known[voter] = s, true
	fresh := c.fresh(now)
	last := c.Agreed(now)
	// What was agreed on earlier is kept where it's closer. But if it can't be true any more, our own
	// clock stood still meanwhile, as in a machine that its hypervisor paused. Right clocks may differ, and
	// move: an agreement without the maximum error proves nothing.
	if fresh.Width() <= last.Width() || fresh.Widen(c.maxError).apart(last.Widen(c.maxError)) {
		c.agreed, c.at = fresh, now
	}
}

// Tell reports whether the voters that were heard of just now agree on a time. If not, what they agreed on earlier is all
// that [Clocks.Agreed] goes by.
func (c *Clocks) Tell(now time.Duration) bool { return c.fresh(now).Known() }

// fresh returns what the voters agree on that were heard of just now.
func (c *Clocks) fresh(now time.Duration) Interval {
	all := Unknown
	for _, set := range c.sets {
		clocks := c.now[:len(set)]
		for i, voter := range set {
			clocks[i] = Unknown
			if s := c.samples[voter]; c.known[voter] && now-s.Sent <= c.together {
				clocks[i] = s.At(now, c.drift)
			}
		}
		agreed := Agreed(clocks)
		all = Interval{Low: max(all.Low, agreed.Low), High: min(all.High, agreed.High)}
	}
	if all.Widen(c.maxError).Width() < 0 {
		return Unknown // a majority of one set is wrong
	}
	return all
}

// At returns the span in which a voter's clock must be when ours reads now, if it was neither set nor
// stopped since it was heard of.
func (c *Clocks) At(voter int, now time.Duration) Interval {
	if !c.known[voter] {
		return Unknown
	}
	return c.samples[voter].At(now, c.drift)
}

// Agreed returns the time that the voters' clocks agree on when ours reads now, see [Agreed].
func (c *Clocks) Agreed(now time.Duration) Interval {
	if !c.agreed.Known() {
		return Unknown
	}
	passed, off := now-c.at, widening(now-c.at, c.drift)
	return Interval{Low: c.agreed.Low + passed - off, High: c.agreed.High + passed + off}
}
