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
	var slowest time.Duration // p99 of any node
	measured := false
	for i := range e.voters {
		times := e.voters[i].answerTimes()
		measured = measured || len(times) > 0
		slowest = max(slowest, percentile(times, 0.99))
	}
	if !measured {
		return []Recommendation{}
	}
	timeout := roundUp(max(timeoutMargin*slowest, minNodeTimeout))
	all := []Recommendation{e.recommendTTL(timeout), {
		Option: fmt.Sprintf("redlock.WithNodeTimeout(%s)", goDuration(timeout)), Value: timeout.String(),
		Why: fmt.Sprintf("%d times the slowest node's p99 (%v), and at least %v", timeoutMargin, readable(slowest), minNodeTimeout),
	}, e.recommendDrift()}
	if e.durable() {
		all = append(all, Recommendation{Option: "redlock.WithDurableNodes()",
			Why: "every node syncs each write before it replies, so none needs to wait after a restart; only if their disks keep what they have acknowledged"})
	}
	return all
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
