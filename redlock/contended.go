package redlock

import (
	"sync"
	"time"
)

// contention is how long a name counts as contended after somebody was seen to wait for it or to hold it.
const contention = time.Second

// contended knows the names that others want, too. Who wants one of them goes to the end of the line before it
// asks, so that it doesn't overtake who was called and is on the way. The zero value is ready.
type contended struct {
	mu            sync.Mutex
	recent, older map[string]struct{} // of the last contention's time, and of that before
	since         time.Time           // of recent
}

// note remembers that a name is contended.
func (c *contended) note(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	if c.recent == nil {
		c.recent = make(map[string]struct{})
	}
	c.recent[name] = struct{}{}
}

// has reports whether a name was contended a moment ago.
func (c *contended) has(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	_, recent := c.recent[name]
	_, older := c.older[name]
	return recent || older
}

// turn forgets what's too old. The caller holds mu.
func (c *contended) turn() {
	switch age := time.Since(c.since); {
	case age >= 2*contention:
		c.recent, c.older, c.since = nil, nil, time.Now()
	case age >= contention:
		c.recent, c.older, c.since = nil, c.recent, time.Now()
	}
}
