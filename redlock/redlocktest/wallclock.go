package redlocktest

import "time"

// wallClock is a node's clock. It is anchored at an instant of the real clock, from which it
// has since moved at its own rate. The node's lock guards it.
type wallClock struct {
	real, shown time.Time
	rate        float64
}

func newWallClock() wallClock {
	now := time.Now()
	return wallClock{real: now, shown: now.UTC(), rate: 1}
}

func (w *wallClock) now() time.Time { return w.at(time.Now()) }

// at returns what the clock shows at a real instant. Without a monotonic part, the result can
// be compared with others across jumps.
func (w *wallClock) at(real time.Time) time.Time {
	elapsed := real.Sub(w.real)
	if w.rate != 1 {
		elapsed = time.Duration(float64(elapsed) * w.rate)
	}
	return w.shown.Add(elapsed).Round(0)
}

func (w *wallClock) jump(d time.Duration) { w.shown = w.shown.Add(d) }

// setRate moves the anchor to now, so that the new rate has no effect on the time before.
func (w *wallClock) setRate(r float64) {
	real := time.Now()
	w.real, w.shown, w.rate = real, w.at(real), r
}
