package doctor

import (
	"math"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// driftFactor is the default of package redlock: the allowance that clocks are judged by.
const driftFactor = 0.01

// clockView is what the samples of a node show of its clock.
type clockView struct {
	known bool
	// offset bounds how far the clock is ahead of the time that all agree on.
	offset clockdrift.Interval
	// apart says that it's further from there than a right clock may be.
	apart bool
	// rateLow and rateHigh bound how much faster than ours it ran on average, as a fraction.
	rateLow, rateHigh float64
	// jumps counts the samples that no steady clock can have given after the earlier ones.
	jumps int
	// runsAway says that it was the clock's rate, and no jump, that made them contradict.
	runsAway bool
}

// maxClockError is the default of package redlock for locks with a TTL: how far from true time a right clock may be.
func maxClockError(ttl time.Duration) time.Duration {
	return max(min(ttl/20, 250*time.Millisecond), 10*time.Millisecond)
}

// tolerableStep is how far a time server may step a clock without being reported.
const tolerableStep = 20 * time.Millisecond

// judgeClocks works out what time the nodes agree on, as a locker does, and how each clock compares.
func (e *examination) judgeClocks() {
	clocks := clockdrift.NewClocks(len(e.voters), driftFactor, maxClockError(e.config.TTL), time.Second)
	var now time.Duration
	for i := range e.voters {
		for _, s := range e.voters[i].samples {
			clocks.Observe(i, s)
			now = max(now, s.Received)
		}
	}
	agreed := clocks.Agreed(now)
	wrong := 0
	for i := range e.voters {
		v := &e.voters[i]
		if len(v.samples) == 0 {
			continue
		}
		own, middle := clocks.At(i, now), agreed.Middle()
		c := clockView{known: true, offset: clockdrift.Interval{Low: own.Low - middle, High: own.High - middle}}
		c.jumps = contradictions(v.samples)
		c.rateLow, c.rateHigh = averageRate(v.samples)
		c.runsAway = c.jumps > 0 && runsAway(v.samples)
		c.apart = c.offset.Low > maxClockError(e.config.TTL) || c.offset.High < -maxClockError(e.config.TTL)
		if c.apart || c.jumps > 0 {
			wrong++
		}
		v.clock = c
	}
	e.clocksAgree = wrong <= (len(e.voters)-1)/2
}

// contradictions counts the samples that no steady clock can have given after the earlier ones. After
// each it starts over.
func contradictions(samples []clockdrift.Sample) int {
	found, first := 0, 0
	for i, s := range samples {
		now := s.At(s.Received, driftFactor)
		for _, old := range samples[first:i] {
			then := old.At(s.Received, driftFactor)
			if max(then.Low-now.High, now.Low-then.High) > tolerableStep {
				found, first = found+1, i
				break
			}
		}
	}
	return found
}

// runsAway reports whether the clock went too fast, or too slow, in both halves of the time. A
// jump shows in one of them at most.
func runsAway(samples []clockdrift.Sample) bool {
	half := len(samples) / 2
	lowA, highA := averageRate(samples[:half])
	lowB, highB := averageRate(samples[half:])
	low, high := max(lowA, lowB), min(highA, highB)
	return low <= high && math.Abs(least(low, high)) > driftFactor
}

// least returns by how much a clock differs from our rate at the least: the bound that is
// nearer to 0, and 0 if that lies between them.
func least(low, high float64) float64 {
	switch {
	case low > 0:
		return low
	case high < 0:
		return high
	}
	return 0
}

// averageRate bounds the rate between the quickest answers of the first and the last tenth of
// the samples. It assumes nothing about the time between them.
func averageRate(samples []clockdrift.Sample) (low, high float64) {
	tenth := max(len(samples)/10, 1)
	first, last := quickest(samples[:tenth]), quickest(samples[len(samples)-tenth:])
	shortest := last.Sent - first.Received
	if shortest <= 0 {
		return math.Inf(-1), math.Inf(1)
	}
	longest := last.Received - first.Sent
	passed := float64(last.Time - first.Time)
	low, high = passed/float64(longest)-1, passed/float64(shortest)-1
	return min(low, high), max(low, high)
}

// quickest returns the sample with the shortest round trip, which bounds the clock best.
func quickest(samples []clockdrift.Sample) clockdrift.Sample {
	best := samples[0]
	for _, s := range samples {
		if s.Received-s.Sent < best.Received-best.Sent {
			best = s
		}
	}
	return best
}
