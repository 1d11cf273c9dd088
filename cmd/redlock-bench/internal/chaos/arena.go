package chaos

import (
	"sync"
	"time"
)

// edge is how far around the last moment of a lock it's looked for mistakes.
const edge = 5 * time.Millisecond

// ending is the end of a lock that its holder keeps to its last moment: when the holder stops believing, and
// by when the nodes must have dropped it.
type ending struct{ believed, dropped time.Duration }

// arena is where clients tell each other of locks that come to an end. One of the others then tries to get
// the lock at that very moment: a lock that's held for some milliseconds too long, or given back by who
// no longer has it, shows at no other.
type arena struct {
	mu   sync.Mutex
	next *ending
}

func (a *arena) announce(e ending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = &e
}

// take returns an announced ending, to one client only.
func (a *arena) take() (ending, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.next
	a.next = nil
	if e == nil {
		return ending{}, false
	}
	return *e, true
}
