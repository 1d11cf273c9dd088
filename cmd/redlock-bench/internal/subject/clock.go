package subject

import (
	"sync/atomic"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// now reads the clock on which beliefs are compared.
func now() time.Duration { return clockdrift.System().Now() }

// Clock is the clock on which Go programs usually count the time of a lock: that of time.Now, which
// on Linux stands still while the machine is suspended (https://go.dev/issue/24595).
//
// No experiment can suspend the machine that it runs on. So this is the boot clock, less the spans
// for which the machine is said to have been suspended. It's safe for concurrent use; a nil Clock
// never stood still.
type Clock struct{ suspended atomic.Int64 }

// Now reads the clock.
func (c *Clock) Now() time.Duration { return now() - c.stoodStill() }

// Suspend says that the machine was suspended for d, up to now.
func (c *Clock) Suspend(d time.Duration) { c.suspended.Add(int64(d)) }

// boot converts a reading of this clock, of now or later, to the boot clock.
func (c *Clock) boot(t time.Duration) time.Duration { return t + c.stoodStill() }

func (c *Clock) stoodStill() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.suspended.Load())
}
