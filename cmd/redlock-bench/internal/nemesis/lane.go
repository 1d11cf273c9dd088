package nemesis

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

type mode int

const (
	passing mode = iota
	holding
	dropping
)

// lane is one direction of a link, with the flows of all its connections.
type lane struct {
	mu       sync.Mutex // guards everything here and in the flows
	mode     mode
	delay    time.Duration
	jitter   time.Duration
	random   *rand.Rand
	flows    map[*flow]struct{}
	stats    Stats
	changed  chan struct{} // closed and replaced whenever a message begins to wait
	triggers []trigger
}

// trigger is an action that waits for a text.
type trigger struct {
	text string
	do   func()
}

func newLane(random *rand.Rand) *lane {
	return &lane{random: random, flows: map[*flow]struct{}{}, changed: make(chan struct{})}
}

// setDelay applies to what arrives from now on.
func (l *lane) setDelay(delay, jitter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay, l.jitter = delay, jitter
}

// hold keeps what hasn't been delivered yet.
func (l *lane) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode = holding
}

// drop loses what hasn't been delivered yet.
func (l *lane) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode = dropping
	for f := range l.flows {
		if f.discard() > 0 {
			f.broken = true
		}
	}
}

// pass delivers what is held and returns the connections that can't go on, because they have
// lost bytes.
func (l *lane) pass() (dead []*relay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode = passing
	for f := range l.flows {
		if f.broken {
			dead = append(dead, f.relay)
		}
		signal(f.wake)
	}
	return dead
}

func (l *lane) snapshot() (Stats, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats, l.changed
}

func (l *lane) when(text string, do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.triggers = append(l.triggers, trigger{text, do})
}

// fire runs the actions that waited for what data contains. It's called without the lock,
// because the actions change lanes.
func (l *lane) fire(data []byte) {
	l.mu.Lock()
	if len(l.triggers) == 0 {
		l.mu.Unlock()
		return
	}
	var fired, rest []trigger
	for _, t := range l.triggers {
		if strings.Contains(string(data), t.text) {
			fired = append(fired, t)
		} else {
			rest = append(rest, t)
		}
	}
	l.triggers = rest
	l.mu.Unlock()
	for _, t := range fired {
		t.do()
	}
}

// due is when a message that arrives now is to be delivered, without its predecessors' say.
func (l *lane) due(now time.Time) time.Time {
	due := now.Add(l.delay)
	if l.jitter > 0 {
		due = due.Add(time.Duration(l.random.Int64N(int64(l.jitter))))
	}
	return due
}

// signal wakes who waits on a channel of capacity 1, now or when it next looks.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
