package chaos

import (
	"sync"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// ledger knows which nodes are damaged, by what was really done to them and when.
type ledger struct {
	clock    clockdrift.Clock
	minority int

	mu   sync.Mutex
	sane []time.Duration // when each node is no longer damaged
}

// unending stands for the end of a damage that goes on.
const unending = time.Duration(1<<63 - 1)

func newLedger(clock clockdrift.Clock, nodes, minority int) *ledger {
	return &ledger{clock: clock, minority: minority, sane: make([]time.Duration, nodes)}
}

// damage marks a node as damaged, unless that would leave the model.
func (l *ledger) damage(node int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, others := l.clock.Now(), 0
	for i, sane := range l.sane {
		if i != node && sane > now {
			others++
		}
	}
	if others >= l.minority {
		return false
	}
	l.sane[node] = unending
	return true
}

// recover says that the damage is over and wears off in the given time.
func (l *ledger) recover(node int, in time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sane[node] = l.clock.Now() + in
}
