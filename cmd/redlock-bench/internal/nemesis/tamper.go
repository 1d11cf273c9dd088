package nemesis

import (
	"context"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxCopies bounds the copies of commands that are under way on one link. What comes then isn't copied.
	maxCopies = 256
	// copyTimeout bounds the wait for the reply to a copy: the node may be stopped.
	copyTimeout = 250 * time.Millisecond
)

// tampering is what is done to the commands of one link while it lasts.
type tampering struct {
	link  *Link
	kind  Kind
	by    time.Duration
	exact bool // every command is treated the same, rather than by chance

	// What was done: to the harness's probes, and to the commands of the client.
	probed, done atomic.Int64

	ctx    context.Context // ends with it
	cancel context.CancelFunc
	copies sync.WaitGroup
	free   chan struct{} // a place for each copy that may be under way

	mu     sync.Mutex // guards the rest
	random *rand.Rand
	over   bool
	held   *heldCommand // the one that the next shall overtake
}

// heldCommand is a command that waits to be overtaken.
type heldCommand struct {
	relay   *relay
	command []byte
	once    sync.Once

	mu   sync.Mutex // guards the rest
	sent bool
	end  func() // the end of the client's connection, which comes after the command
}

// letGo sends the command, and ends the connection after it if its client has. It tells whether it did that
// now rather than before.
func (h *heldCommand) letGo() (now bool) {
	h.once.Do(func() {
		now = true
		h.relay.write(h.command)
		h.mu.Lock()
		h.sent = true
		end := h.end
		h.mu.Unlock()
		if end != nil {
			end()
		}
	})
	return now
}

// before has the end of a connection wait for the command; false means that it needn't.
func (h *heldCommand) before(r *relay, end func()) bool {
	if h == nil || h.relay != r {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.sent {
		h.end = end
	}
	return !h.sent
}

// tamper does something to each command from now on, until untamper: Duplicate has it carried out
// twice, Replay once more after some time of up to by, and Reorder after the next one if that comes within by.
// With exact, it's by exactly by, and to all alike. There's one at a time.
func (l *Link) tamper(kind Kind, by time.Duration, exact bool) {
	l.untamper()
	t := &tampering{link: l, kind: kind, by: by, exact: exact, free: make(chan struct{}, maxCopies)}
	t.random = rand.New(rand.NewPCG(l.seed, uint64(l.tamperings.Add(1))))
	t.ctx, t.cancel = context.WithCancel(context.Background())
	l.tampered.Store(t)
}

// untamper ends that, and returns how many commands of the client it was done to.
func (l *Link) untamper() int64 {
	t := l.tampered.Swap(nil)
	if t == nil {
		return 0
	}
	t.mu.Lock()
	t.over = true
	held := t.held
	t.held = nil
	t.mu.Unlock()
	if held != nil {
		held.letGo()
	}
	t.cancel()
	t.copies.Wait()
	return t.done.Load()
}

// did counts what was done to a command of the relay.
func (t *tampering) did(r *relay) {
	if r.probe {
		t.probed.Add(1)
	} else {
		t.done.Add(1)
	}
}

// pass sends a command to the node, in the way of the tampering.
func (t *tampering) pass(r *relay, command []byte) {
	switch t.kind {
	case Duplicate:
		if t.exact || t.chance(0.5) {
			// The reply that the client gets is the one to the second.
			if t.again(command) {
				t.did(r)
			}
			r.write(command)
			return
		}
		r.write(command)
		t.copy(r, command, 0)
	case Replay:
		r.write(command)
		t.copy(r, command, t.delay())
	case Reorder:
		t.reorder(r, command)
	}
}

func (t *tampering) chance(p float64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.random.Float64() < p
}

func (t *tampering) delay() time.Duration {
	if t.exact || t.by <= 0 {
		return t.by
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Duration(t.random.Int64N(int64(t.by)))
}

// copy has a command carried out once more after some time; a probe's at once.
func (t *tampering) copy(r *relay, command []byte, after time.Duration) {
	if r.probe {
		after = 0
	}
	select {
	case t.free <- struct{}{}:
	default:
		return
	}
	command = append([]byte(nil), command...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.copies.Go(func() {
		defer func() { <-t.free }()
		if wait.For(t.ctx, after) == nil && t.again(command) {
			t.did(r)
		}
	})
}

// again carries out a command on a connection of its own, and tells whether that was answered.
func (t *tampering) again(command []byte) bool {
	ctx, cancel := context.WithTimeout(t.ctx, copyTimeout)
	defer cancel()
	var dialer net.Dialer
	node, err := dialer.DialContext(ctx, "tcp", t.link.node.Addr())
	if err != nil {
		return false
	}
	defer node.Close()
	stop := context.AfterFunc(ctx, func() { _ = node.Close() })
	defer stop()
	if _, err := node.Write(command); err != nil {
		return false
	}
	var replies splitter
	buffer := make([]byte, readSize)
	for {
		n, err := node.Read(buffer)
		if len(replies.split(buffer[:n])) > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// reorder keeps a command until the next of the link, which goes first.
func (t *tampering) reorder(r *relay, command []byte) {
	held, kept := t.swap(r, command)
	switch {
	case kept:
	case held == nil:
		r.write(command)
	case held.relay == r:
		r.writeSwapped(command, held.command)
		t.did(r)
	default:
		// The node may serve connections in any order, so the first has to be answered; it may be down, too.
		time.AfterFunc(copyTimeout, func() { held.letGo() })
		r.writeThen(command, func() {
			if held.letGo() {
				t.did(held.relay)
			}
		})
	}
}

// swap returns the command that waits. If there is none, this one may be kept.
func (t *tampering) swap(r *relay, command []byte) (held *heldCommand, kept bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	held = t.held
	t.held = nil
	if held != nil || t.over || !(t.exact || r.probe || t.random.Float64() < 0.5) {
		return held, false
	}
	h := &heldCommand{relay: r, command: append([]byte(nil), command...)}
	time.AfterFunc(t.by, func() {
		t.mu.Lock()
		waits := t.held == h
		if waits {
			t.held = nil
		}
		t.mu.Unlock()
		if waits { // or the one that overtakes it sends it
			h.letGo()
		}
	})
	t.held = h
	return nil, true
}

// waiting is the command that waits to be overtaken, if there is one.
func (t *tampering) waiting() *heldCommand {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held
}
