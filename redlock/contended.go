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
	recent, older map[string]rival // of the last contention's time, and of that before
	since         time.Time        // of recent
}

// rival is who was in the way.
type rival struct {
	holder    holderID // nobody, if that isn't known
	elsewhere bool     // one of those of that time was of another process
}

// note remembers that a name is contended.
func (c *contended) note(name string, r rival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	if c.recent == nil {
		c.recent = make(map[string]rival)
	}
	r.elsewhere = r.elsewhere || c.recent[name].elsewhere
	c.recent[name] = r
}

// elsewhere reports whether another process wanted a name a moment ago.
func (c *contended) elsewhere(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	return c.recent[name].elsewhere || c.older[name].elsewhere
}

// holder returns who was in the way last, if anybody was a moment ago.
func (c *contended) holder(name string) (h holderID, contended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
	r, contended := c.recent[name]
	if !contended {
		r, contended = c.older[name]
	}
	return r.holder, contended
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
