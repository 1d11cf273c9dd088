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
	// offset bounds how far the clock is ahead of the middle of where most clocks agree.
	offset clockdrift.Interval
	// apart says that it's further from there than lockers put up with.
	apart bool
	// rateLow and rateHigh bound how much faster than ours it ran on average, as a fraction.
	rateLow, rateHigh float64
	// jumps counts the samples that no steady clock can have given after the earlier ones.
	jumps int
	// runsAway says that it was the clock's rate, and no jump, that made them contradict.
	runsAway bool
}

// tolerance is how far a clock may be off the majority before lockers hold it against the node, as
// in package redlock: half of what a lock of this TTL allows for.
func (e *examination) tolerance() time.Duration {
	return clockdrift.Allowance(e.config.TTL, driftFactor) / 2
}

// judgeClocks looks at all samples as a locker with this TTL does.
func (e *examination) judgeClocks() {
	tolerance := e.tolerance()
	monitor := clockdrift.NewMonitor(len(e.voters), clockdrift.MonitorConfig{
		Drift: driftFactor, Reach: e.config.TTL, Tolerance: tolerance, Precision: tolerance,
		// A TTL shorter than the pauses between samples would make each of them the first.
		Memory: max(e.config.TTL, 10*sampleInterval),
	})
	var now time.Duration
	for i := range e.voters {
		for _, s := range e.voters[i].samples {
			monitor.Observe(i, s)
			now = max(now, s.Received)
		}
	}

	var offsets []clockdrift.Interval
	for i := range e.voters {
		if estimate := monitor.Estimate(i, now); estimate.Known {
			e.voters[i].clock = viewOf(estimate, e.voters[i].samples)
			offsets = append(offsets, widen(estimate.Offset, tolerance/2))
		}
	}
	common, agreeing := clockdrift.Marzullo(offsets)
	e.clocksAgree = 2*agreeing > len(offsets)
	middle := common.Low + (common.High-common.Low)/2
	for i := range e.voters {
		if c := &e.voters[i].clock; c.known {
			own := widen(c.offset, tolerance/2)
			away := own.Low > common.High || own.High < common.Low
			c.apart = c.jumps == 0 && (away || !e.clocksAgree)
			c.offset = clockdrift.Interval{Low: c.offset.Low - middle, High: c.offset.High - middle}
		}
	}
}

func viewOf(estimate clockdrift.Estimate, samples []clockdrift.Sample) clockView {
	v := clockView{known: true, offset: estimate.Offset, jumps: estimate.Jumps}
	v.rateLow, v.rateHigh = averageRate(samples)
	v.runsAway = v.jumps > 0 && runsAway(samples)
	return v
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
// the samples. Unlike the monitor's estimate it assumes nothing about the time between them.
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

func widen(i clockdrift.Interval, by time.Duration) clockdrift.Interval {
	return clockdrift.Interval{Low: i.Low - by, High: i.High + by}
}
