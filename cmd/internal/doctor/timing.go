package doctor

import (
	"fmt"
	"math"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// defaultNodeTimeout is what package redlock waits for a voter unless told otherwise.
func defaultNodeTimeout(ttl time.Duration) time.Duration {
	return min(ttl/20, 250*time.Millisecond)
}

// judgeAnswers compares answer times with how long package redlock waits for them.
func judgeAnswers(e *examination, v *voter) []verdict {
	patience := defaultNodeTimeout(e.config.TTL)
	const slowAdvice = "find out what holds the server or the network up (SLOWLOG GET, INFO commandstats), or give WithNodeTimeout and WithTTL more"
	var verdicts []verdict
	times := v.answerTimes()
	if v.lost > 0 {
		level := Warning
		if len(times) == 0 {
			level = Error
		}
		verdicts = append(verdicts, verdict{level, fmt.Sprintf("%d of %d questions had no answer; the last: %v", v.lost, v.lost+len(times), v.lostErr),
			"see whether the server hangs at times, and whether the network drops packets"})
	}
	if slowest := percentile(times, 1); slowest > patience {
		verdicts = append(verdicts, verdict{Warning, fmt.Sprintf("the slowest answer took %v, longer than the node time-out (%v by default for this TTL): such a vote is lost",
			readable(slowest), patience), slowAdvice})
	}
	if fork, _ := v.info.number("latest_fork_usec"); time.Duration(fork)*time.Microsecond > patience {
		verdicts = append(verdicts, verdict{Note, fmt.Sprintf("the last fork, for a snapshot or to rewrite the log, stopped the server for %v", readable(time.Duration(fork)*time.Microsecond)),
			"turn transparent huge pages off, and use a server for locks alone"})
	}
	if verdicts == nil && len(times) > 0 {
		return []verdict{{OK, fmt.Sprintf("all within the node time-out (%v by default for this TTL)", patience), ""}}
	}
	return verdicts
}

const syncAdvice = "synchronize it by slewing, without steps (chronyd without makestep after the start); look at chronyc tracking"

// judgeClock looks for jumps, and for clocks that are apart from the others.
func judgeClock(e *examination, v *voter) []verdict {
	c := &v.clock
	level, consequence := Warning, "locks don't mind one wrong clock; with more, nobody knows what time it is"
	if f := (len(e.voters) - 1) / 2; f > 1 {
		consequence = fmt.Sprintf("locks don't mind up to %d wrong clocks; with more, nobody knows what time it is", f)
	} else if f == 0 {
		level, consequence = Error, "with so few nodes, locks rely on every clock"
	}
	if !e.clocksAgree {
		level, consequence = Error, "too many clocks are wrong for lockers to know what time it is: they get no locks"
	}
	switch {
	case !c.known:
		return nil // as judgeAnswers has said
	case c.runsAway:
		return nil // as judgeRate says
	case c.jumps > 0:
		return []verdict{{level, fmt.Sprintf("contradicted a steady clock %s while it was watched: it jumped, or runs unevenly; %s", count(c.jumps, "time"), consequence), syncAdvice}}
	case c.apart:
		return []verdict{{level, fmt.Sprintf("%s the time that all agree on, and a right clock is within %v; %s", aheadOf(c.offset), maxClockError(e.config.TTL), consequence), syncAdvice}}
	case !e.clocksAgree:
		return []verdict{{Note, "would be right if the others were", ""}}
	}
	return []verdict{{OK, fmt.Sprintf("steady, and within %v of the time that all agree on", maxClockError(e.config.TTL)), ""}}
}

// judgeRate compares the clock's rate with what locks allow for.
func judgeRate(_ *examination, v *voter) []verdict {
	c := &v.clock
	if !c.known || (c.jumps > 0 && !c.runsAway) {
		return nil // as judgeAnswers or judgeClock have said
	}
	low, high := c.rateLow, c.rateHigh
	const half = driftFactor / 2
	switch rate := least(low, high); {
	case math.Abs(rate) > driftFactor:
		return []verdict{{Error, fmt.Sprintf("runs at least %s than ours, beyond the drift factor (%v): either it's soon a wrong clock, or ours is, and then locks seem valid for too long", percent(rate), driftFactor), syncAdvice}}
	case math.Abs(rate) > half:
		return []verdict{{Warning, fmt.Sprintf("runs at least %s than ours, over half of the drift factor (%v)", percent(rate), driftFactor), syncAdvice}}
	case math.IsInf(high-low, 0):
		return []verdict{{Note, "rate unknown: too few answers", "watch longer"}}
	case high > half || low < -half:
		return []verdict{{Note, fmt.Sprintf("rate only known to be between %+.2f and %+.2f %%: the answers take too long", 100*low, 100*high), "watch longer: give more --duration"}}
	}
	return []verdict{{OK, fmt.Sprintf("within %v of ours (half of the drift factor)", half), ""}}
}

func percent(rate float64) string {
	if rate < 0 {
		return fmt.Sprintf("%.2f %% slower", -100*rate)
	}
	return fmt.Sprintf("%.2f %% faster", 100*rate)
}

func aheadOf(offset clockdrift.Interval) string {
	from, to, where := offset.Low, offset.High, "ahead of"
	if offset.Low < 0 {
		from, to, where = -offset.High, -offset.Low, "behind"
	}
	if readable(from) == readable(to) {
		return fmt.Sprintf("%v %s", readable(from), where)
	}
	return fmt.Sprintf("%v to %v %s", readable(from), readable(to), where)
}

// readable rounds a duration to three digits or so.
func readable(d time.Duration) time.Duration {
	for unit := time.Microsecond; unit < time.Minute; unit *= 10 {
		if d.Abs() < 1000*unit {
			return d.Round(unit)
		}
	}
	return d.Round(time.Minute)
}
