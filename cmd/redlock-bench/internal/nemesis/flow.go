package nemesis

import "time"

// maxQueued is how many bytes wait in one direction of one connection before its sender is
// made to wait. It's about what the kernel's own socket buffers hold.
const maxQueued = 256 << 10

// message is what one read yielded, or the end of the stream.
type message struct {
	data    []byte
	due     time.Time
	end     ending
	leaving bool // its delivery has begun
}

// ending is how a stream ended.
type ending int

const (
	notEnded ending = iota
	closed          // in order: everything sent before it was received
	reset
)

// flow is one direction of one connection. The lane's lock guards its fields.
//
// One goroutine puts messages in, another takes them out; the first may deliver a message
// itself as long as nothing waits, which spares the usual case a change of goroutine.
type flow struct {
	lane   *lane
	relay  *relay
	queue  []*message
	queued int
	broken bool // has lost bytes: nothing may follow them
	gone   bool // its receiver is no more
	last   time.Time
	wake   chan struct{} // to who takes messages out
	room   chan struct{} // to who puts them in
}

func newFlow(l *lane, r *relay) *flow {
	f := &flow{lane: l, relay: r, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flows[f] = struct{}{}
	return f
}

// arrive takes in a message; true means that the caller is to deliver it at once. It copies
// data if it keeps it.
func (f *flow) arrive(data []byte) (deliver bool) {
	l := f.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.loses() {
		f.count(&l.stats.Dropped, 1, len(data))
		return false
	}
	if l.mode == passing && l.delay == 0 && l.jitter == 0 && len(f.queue) == 0 {
		f.count(&l.stats.Passed, 1, len(data))
		return true
	}
	f.enqueue(&message{data: append([]byte(nil), data...)})
	f.count(&l.stats.Held, 1, len(data))
	close(l.changed)
	l.changed = make(chan struct{})
	return false
}

// arriveEnd takes in the end of the stream; false means that the end itself was lost.
func (f *flow) arriveEnd(how ending) (kept bool) {
	l := f.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.loses() {
		return false
	}
	f.enqueue(&message{end: how})
	return true
}

// loses tells whether what arrives now is lost.
func (f *flow) loses() bool {
	if f.lane.mode == dropping {
		f.broken = true
	}
	return f.broken || f.gone
}

func (f *flow) enqueue(m *message) {
	m.due = f.lane.due(time.Now())
	if m.due.Before(f.last) {
		m.due = f.last // jitter must not reorder
	}
	f.last = m.due
	f.queue = append(f.queue, m)
	f.queued += len(m.data)
	signal(f.wake)
}

// full tells whether the sender has to wait for room.
func (f *flow) full() bool {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	return f.queued >= maxQueued
}

// next returns the first message if it may be delivered now. Otherwise wait says how long
// until it may; 0 means until wake says so.
func (f *flow) next() (m *message, wait time.Duration) {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	if len(f.queue) == 0 || f.lane.mode == holding {
		return nil, 0
	}
	m = f.queue[0]
	if wait = time.Until(m.due); wait > 0 {
		return nil, wait
	}
	m.leaving = true
	return m, 0
}

// delivered removes the message that next returned.
func (f *flow) delivered() {
	l := f.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	m := f.queue[0]
	f.queue = f.queue[1:]
	f.queued -= len(m.data)
	if m.end == notEnded {
		f.count(&l.stats.Held, -1, -len(m.data))
		f.count(&l.stats.Passed, 1, len(m.data))
	}
	signal(f.room)
}

// fail marks the flow as unable to deliver, because the receiver is gone.
func (f *flow) fail() {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	f.gone = true
	f.discard()
}

// discard loses what waits, except a message whose delivery has begun, and returns how many
// messages that were. The lane is locked.
func (f *flow) discard() int {
	kept := f.queue
	if len(kept) > 0 && kept[0].leaving {
		kept = kept[:1]
	} else {
		kept = nil
	}
	lost := f.queue[len(kept):]
	for _, m := range lost {
		f.queued -= len(m.data)
		if m.end == notEnded {
			f.count(&f.lane.stats.Held, -1, -len(m.data))
			f.count(&f.lane.stats.Dropped, 1, len(m.data))
		}
	}
	f.queue = kept
	signal(f.room)
	return len(lost)
}

// leave ends the flow with its connection.
func (f *flow) leave() {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	f.discard()
	delete(f.lane.flows, f)
}

func (f *flow) count(c *Count, messages, bytes int) {
	if !f.relay.probe {
		c.add(messages, bytes)
	}
}
