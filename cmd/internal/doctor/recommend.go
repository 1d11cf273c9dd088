package doctor

import (
	"fmt"
	"math"
	"time"
)

// Recommendation is an option of package redlock that fits what was measured.
type Recommendation struct {
	// Option is Go code, such as redlock.WithTTL(10 * time.Second).
	Option string `json:"option"`
	// Value is its argument alone; empty if it has none.
	Value string `json:"value,omitempty"`
	// Why explains the value in a line.
	Why string `json:"why"`
}

const (
	// timeoutMargin is how many times the p99 a node time-out should be: room for a busy hour.
	timeoutMargin = 5
	// minNodeTimeout covers pauses that aren't the node's: of a garbage collector, a scheduler.
	minNodeTimeout = 20 * time.Millisecond
	// timeoutsPerTTL is how many node time-outs a TTL should last. Renewal begins at a third of
	// the TTL, so it has time for a dozen rounds that fail. It's the default of package redlock.
	timeoutsPerTTL = 20
	// minSensibleTTL keeps an ordinary pause of the client from losing its lock.
	minSensibleTTL = time.Second
)

// recommend computes options from the measurements; none if nothing was measured.
func (e *examination) recommend() []Recommendation {
	slowest := e.slowest(0, 1)
	if slowest == 0 {
		return []Recommendation{}
	}
	timeout := nodeTimeoutFor(slowest)
	all := []Recommendation{e.recommendTTL(timeout), {
		Option: fmt.Sprintf("redlock.WithNodeTimeout(%s)", goDuration(timeout)), Value: timeout.String(),
		Why: fmt.Sprintf("%d times the slowest node's p99 (%v), and at least %v; %s", timeoutMargin, readable(slowest), minNodeTimeout, e.spread()),
	}, e.recommendDrift()}
	if e.durable() {
		all = append(all, Recommendation{Option: "redlock.WithDurableNodes()",
			Why: "every node syncs each write before it replies, so none needs to wait after a restart; only if their disks keep what they have acknowledged"})
	}
	return all
}

// slowest returns the largest p99 of a node in one of so many equal parts of the watch; 0 if nothing was measured.
func (e *examination) slowest(part, parts int) time.Duration {
	var slowest time.Duration
	for i := range e.voters {
		all := e.voters[i].samples
		some := watched{samples: all[len(all)*part/parts : len(all)*(part+1)/parts]}
		slowest = max(slowest, percentile(some.answerTimes(), 0.99))
	}
	return slowest
}

func nodeTimeoutFor(p99 time.Duration) time.Duration {
	return roundUp(max(timeoutMargin*p99, minNodeTimeout))
}

// spread says what the node time-out would have been if less had been seen: by how much the next run may differ.
func (e *examination) spread() string {
	const parts = 5
	least, most := time.Duration(math.MaxInt64), time.Duration(0)
	for part := range parts {
		if slowest := e.slowest(part, parts); slowest > 0 { // else it was too short for any answer
			least, most = min(least, nodeTimeoutFor(slowest)), max(most, nodeTimeoutFor(slowest))
		}
	}
	if least == most {
		return fmt.Sprintf("each fifth of the watch comes to %v", least)
	}
	s := fmt.Sprintf("the fifths of the watch come to %v to %v", least, most)
	if most > 2*least {
		s += ": answer times vary, so watch longer (--duration 1m) before you rely on it"
	}
	return s
}

func (e *examination) recommendTTL(timeout time.Duration) Recommendation {
	least := max(timeoutsPerTTL*timeout, minSensibleTTL)
	ttl := max(e.config.TTL, least)
	why := fmt.Sprintf("as asked; it should be at least %v: %d node time-outs, and no less than %v", least, timeoutsPerTTL, minSensibleTTL)
	if ttl > e.config.TTL {
		why = fmt.Sprintf("%d node time-outs, and no less than %v; %v leaves too little time to renew", timeoutsPerTTL, minSensibleTTL, e.config.TTL)
	}
	return Recommendation{Option: fmt.Sprintf("redlock.WithTTL(%s)", goDuration(ttl)), Value: ttl.String(), Why: why}
}

// recommendDrift stays with the default: a clock that needs more has to be repaired.
func (e *examination) recommendDrift() Recommendation {
	r := Recommendation{
		Option: fmt.Sprintf("redlock.WithDriftFactor(%v)", driftFactor), Value: fmt.Sprint(driftFactor),
	}
	worst := 0.0
	for _, v := range e.reached() {
		if v.clock.known {
			worst = max(worst, math.Abs(v.clock.rateLow), math.Abs(v.clock.rateHigh))
		}
	}
	r.Why = fmt.Sprintf("the default, which allows %.0f ppm; no clock's rate differs from ours by more than %.0f ppm", 1e6*driftFactor, math.Ceil(1e6*worst))
	if worst > driftFactor {
		r.Why = "the default; repair a clock that needs more, and watch one longer whose rate isn't known well enough"
	}
	return r
}

// durable reports whether all nodes are.
func (e *examination) durable() bool {
	for i := range e.voters {
		if v := &e.voters[i]; v.err != nil || !v.durable() {
			return false
		}
	}
	return true
}

// roundUp rounds a duration up to 5 ms.
func roundUp(d time.Duration) time.Duration {
	const step = 5 * time.Millisecond
	return (d + step - 1) / step * step
}

// goDuration writes a duration of whole milliseconds as Go code.
func goDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%d * time.Second", d/time.Second)
	}
	return fmt.Sprintf("%d * time.Millisecond", d/time.Millisecond)
}
