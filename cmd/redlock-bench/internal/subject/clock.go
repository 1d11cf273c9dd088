package subject

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/clockpage"
)

// now reads the clock on which beliefs are compared.
func now() time.Duration { return clockdrift.System().Now() }

// Clock is the clock of a client's machine, which experiments bend. It's the one on which Go programs usually count the time of a lock: that of time.Now, which
// on Linux stands still while the machine is suspended (https://go.dev/issue/24595).
//
// No experiment can suspend the machine that it runs on. So this is the boot clock, less the spans
// for which the machine is said to have been suspended, and it runs at the rate of its page, if it has one. It's safe for
// concurrent use; a nil Clock is the boot clock.
type Clock struct {
	suspended atomic.Int64

	mu   sync.Mutex // guards the rest
	page *clockpage.Page
}

// Follow has the clock run at the page's rate from now on.
func (c *Clock) Follow(p *clockpage.Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.page = p
}

// Bends tells whether the clock has a page to follow.
func (c *Clock) Bends() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.page != nil
}

// bend is how the machine's clocks differ from the host's. It panics if the page can't be read: a client with an unknown
// clock can't be judged.
func (c *Clock) bend() clockpage.Bend {
	if !c.Bends() {
		return clockpage.Bend{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := c.page.Read()
	if err != nil {
		panic(fmt.Sprintf("subject: the page of the clock: %v", err))
	}
	return b
}

// Now reads the clock.
func (c *Clock) Now() time.Duration { return c.Boot() - c.stoodStill() }

// Boot reads the machine's boot clock, which goes on in a suspension.
func (c *Clock) Boot() time.Duration { return c.bend().At(now()) }

// Suspend says that the machine was suspended for d, up to now.
func (c *Clock) Suspend(d time.Duration) { c.suspended.Add(int64(d)) }

// boot converts a reading of this clock, of now or later, to the host's boot clock.
func (c *Clock) boot(t time.Duration) time.Duration { return c.bend().Host(t + c.stoodStill()) }

func (c *Clock) stoodStill() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.suspended.Load())
}
