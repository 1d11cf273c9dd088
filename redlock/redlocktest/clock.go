package redlocktest

import (
	"sync"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// A Clock is a client machine's clock: Go's monotonic clock (inside a synctest bubble: the
// virtual one) plus the time for which the machine is said to have been suspended.
type Clock struct {
	start time.Time

	mu        sync.Mutex
	suspended time.Duration
	read      bool
}

var _ clockdrift.Clock = (*Clock)(nil)

func newClock(start time.Time) *Clock { return &Clock{start: start} }

// Now returns the time since the quorum was started, time spent suspended included.
func (c *Clock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = true
	return time.Since(c.start) + c.suspended
}

// ignored tells whether the machine was suspended and nobody has ever looked at its clock.
func (c *Clock) ignored() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.suspended > 0 && !c.read
}

// Suspend does to this clock what closing the lid for d does to a boot-time clock: it is d
// ahead at once, while no timer has noticed anything. The nodes, being other machines, should
// have lived through d as well: let them [Node.Jump] by d. It panics when d is negative,
// since such a clock never goes back. If no locker has the clock, it has no effect: then a test that
// began with [New] fails at its end.
func (c *Clock) Suspend(d time.Duration) {
	if d < 0 {
		panic("redlocktest: Suspend(" + d.String() + "): a machine can't be suspended for less than no time")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.suspended += d
}
