package clockdrift

import (
	"math"
	"time"
)

// Granularity is what a [Window] gives up besides the drift: servers count expiry in whole
// milliseconds, so a key may live up to one millisecond less than asked for, and a second one
// covers the rounding on the way there. The same 2 ms stand in the Redlock specification,
// https://redis.io/docs/latest/develop/use/patterns/distributed-locks/.
const Granularity = 2 * time.Millisecond

// Allowance returns the part of ttl that must not be relied upon:
//
//	allowance = ttl * driftFactor + Granularity
//
// rounded up to the nanosecond. A driftFactor of 0.01 allows a server's clock to run up to
// one per cent faster than the holder's. A ttl or driftFactor that makes no sense (negative,
// not a number) yields the whole ttl, so that nothing is ever claimed on its account.
func Allowance(ttl time.Duration, driftFactor float64) time.Duration {
	if ttl <= 0 {
		return 0
	}
	// Written so that NaN takes the safe branch, too.
	if !(driftFactor >= 0 && driftFactor < 1) {
		return ttl
	}
	drift := math.Ceil(float64(ttl) * driftFactor)
	// float64 holds whole nanoseconds exactly up to 2^53 (104 days); beyond that the product
	// may fall short by a rounding error, which Nextafter makes up for.
	drift = math.Nextafter(drift, math.Inf(1))
	if drift+float64(Granularity) >= float64(ttl) {
		return ttl
	}
	return time.Duration(math.Ceil(drift)) + Granularity
}

// Window is the span of the holder's own clock in which a lock may be trusted. The zero
// Window is never open. It is a value: extending a lock makes a new Window.
type Window struct {
	start    time.Duration
	deadline time.Duration
}

// NewWindow returns the window of a lock whose request was about to be sent at start, by the
// holder's [Clock], and whose key lives for ttl on the servers:
//
//	deadline = start + ttl - Allowance(ttl, driftFactor)
//
// The ttl counts in whole milliseconds, as the servers do; a fraction is cut off. Since start
// is read before the first byte leaves, the time that requests and replies take on their way
// is already taken off.
func NewWindow(start, ttl time.Duration, driftFactor float64) Window {
	ttl = ttl.Truncate(time.Millisecond)
	if ttl <= 0 {
		return Window{start: start, deadline: start}
	}
	length := ttl - Allowance(ttl, driftFactor)
	if start > math.MaxInt64-length {
		return Window{start: start, deadline: math.MaxInt64}
	}
	return Window{start: start, deadline: start + length}
}

// Until returns the window that closes at the given reading of the clock, if that's earlier.
func (w Window) Until(deadline time.Duration) Window {
	return Window{start: w.start, deadline: min(w.deadline, deadline)}
}

// Start returns the reading of the clock at which the window opened.
func (w Window) Start() time.Duration { return w.start }

// Deadline returns the first reading of the clock at which the window is no longer open.
func (w Window) Deadline() time.Duration { return w.deadline }

// Length returns how long the window is open in all.
func (w Window) Length() time.Duration { return w.deadline - w.start }

// Remaining returns how long the window stays open after now, never less than 0.
func (w Window) Remaining(now time.Duration) time.Duration {
	if now >= w.deadline {
		return 0
	}
	return w.deadline - now
}

// Open reports whether the lock may be trusted at the reading now.
func (w Window) Open(now time.Duration) bool { return now < w.deadline }
