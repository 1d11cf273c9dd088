package redlock

import (
	"sync"
	"time"
)

// contention is how long a name counts as contended after somebody was seen to wait for it or to hold it.
const contention = time.Second

// contended knows the names that somebody wanted a moment ago. Where that was another process, who waits goes to the end of the line before it
// asks, so that it doesn't overtake who was called and is on the way. Where it was anybody, who tries once asks the lead voter first, see
// contest.go. The zero value is ready.
type contended struct {
	mu            sync.Mutex
	recent, older map[string]holderID // who was in the way, of the last contention's time and of that before
	since         time.Time           // of recent
}

// note remembers that a name is contended, and who was in the way: nobody, if that isn't known.
func (c *contended) note(name string, holder holderID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	if c.recent == nil {
		c.recent = make(map[string]holderID)
	}
	c.recent[name] = holder
}

// has reports whether a name was contended a moment ago.
func (c *contended) has(name string) bool {
	_, contended := c.holder(name)
	return contended
}

// holder returns who was in the way when a name was contended a moment ago.
func (c *contended) holder(name string) (h holderID, contended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	if h, contended = c.recent[name]; !contended {
		h, contended = c.older[name]
	}
	return h, contended
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
