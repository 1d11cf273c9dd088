package nemesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxRelays bounds the open connections of one link, most of which a long cut accumulates.
// Further ones are reset at once.
const maxRelays = 1024

// Link is the network between one client and one node. Its methods may be called concurrently
// and take effect before they return. Faults of the two directions are independent.
type Link struct {
	client   int
	node     Target
	listener net.Listener
	lanes    map[Direction]*lane
	workers  sync.WaitGroup

	seed       uint64 // of what is done to commands
	tampered   atomic.Pointer[tampering]
	tamperings atomic.Int64

	mu      sync.Mutex // guards the rest; taken before a lane's lock, never after
	relays  map[*relay]struct{}
	refuses bool
	closed  bool
}

func newLink(client int, node Target, seed int64) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("nemesis: proxy of client %d to node %s: %w", client+1, node.Name(), err)
	}
	// Each lane draws from a stream of its own, so that traffic on one doesn't change another.
	stream := uint64(client)<<32 | uint64(node.Index())<<1
	l := &Link{
		client:   client,
		seed:     uint64(seed) ^ stream,
		node:     node,
		listener: listener,
		lanes: map[Direction]*lane{
			Requests: newLane(rand.New(rand.NewPCG(uint64(seed), stream))),
			Replies:  newLane(rand.New(rand.NewPCG(uint64(seed), stream|1))),
		},
		relays: map[*relay]struct{}{},
	}
	l.workers.Go(l.accept)
	return l, nil
}

// Addr is the host and port at which the client reaches the node. It never changes.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// URL is Addr in the form that Redis clients take.
func (l *Link) URL() string { return "redis://" + l.Addr() }

// String names the link in reports, with the client counted from 1.
func (l *Link) String() string {
	return fmt.Sprintf("link of client %d to %s", l.client+1, l.node.Name())
}

// Delay makes each message that arrives from now on take d longer, and up to jitter more. It
// doesn't reorder. Zero for both ends it.
func (l *Link) Delay(direction Direction, d, jitter time.Duration) {
	l.lanes[direction].setDelay(max(0, d), max(0, jitter))
}

// Hold keeps every message in the proxy from now on, the end of a connection included, until
// [Link.Pass].
func (l *Link) Hold(direction Direction) { l.lanes[direction].hold() }

// Drop loses every message from now on, those that are held or delayed included. The sender
// notices nothing.
func (l *Link) Drop(direction Direction) { l.lanes[direction].drop() }

// Pass ends Hold and Drop. What was held is delivered in its order, and connections that have
// lost bytes are reset.
func (l *Link) Pass(direction Direction) {
	for _, r := range l.lanes[direction].pass() {
		r.end(reset)
	}
}

// Cut is Hold in both directions: the network between the two is gone, and neither is told.
func (l *Link) Cut() {
	l.Hold(Requests)
	l.Hold(Replies)
}

// Heal ends Cut, Hold, Drop and Refuse. What was held is delivered, as TCP's retransmission
// does after a partition; call [Link.Reset] first to lose it instead.
func (l *Link) Heal() {
	l.setRefuse(false)
	l.Pass(Requests)
	l.Pass(Replies)
}

// Refuse resets every new connection at once until [Link.Heal]. Open ones go on.
func (l *Link) Refuse() { l.setRefuse(true) }

func (l *Link) setRefuse(refuses bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuses = refuses
}

// Reset breaks every open connection and loses what is held. It returns how many there were.
func (l *Link) Reset() int {
	open := l.open()
	for _, r := range open {
		r.end(reset)
	}
	return len(open)
}

func (l *Link) open() []*relay {
	l.mu.Lock()
	defer l.mu.Unlock()
	var open []*relay
	for r := range l.relays {
		open = append(open, r)
	}
	return open
}

// When calls do once, before the next message that contains text is looked at: a fault that
// do sets applies to that very message. It lets a scenario begin a fault at one exact request
// rather than at some moment. do must not wait for anything.
func (l *Link) When(direction Direction, text string, do func()) { l.lanes[direction].when(text, do) }

// Stats tells what one direction has done so far.
func (l *Link) Stats(direction Direction) Stats {
	stats, _ := l.lanes[direction].snapshot()
	return stats
}

// WaitHeld waits until at least n messages are held or delayed in one direction: with Replies,
// the node has certainly executed what they answer. It fails when the context ends first.
func (l *Link) WaitHeld(ctx context.Context, direction Direction, n int) error {
	for {
		stats, changed := l.lanes[direction].snapshot()
		if stats.Held.Messages >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("nemesis: %v: %d of %d %s held: %w", l, stats.Held.Messages, n, direction, context.Cause(ctx))
		}
	}
}

func (l *Link) accept() {
	for {
		conn, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of descriptors, say: that passes, and the client retries.
			time.Sleep(10 * time.Millisecond)
			continue
		}
		l.admit(conn, false)
	}
}

// admit starts to carry a connection; nil means that it was refused.
func (l *Link) admit(conn net.Conn, probe bool) *relay {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.refuses || len(l.relays) >= maxRelays {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
		return nil
	}
	r := newRelay(l, conn, probe)
	l.relays[r] = struct{}{}
	l.workers.Go(func() {
		r.run()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.relays, r)
	})
	return r
}

// close ends the link with all its connections and waits for them.
func (l *Link) close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	err := l.listener.Close()
	l.untamper()
	for _, r := range l.open() {
		r.end(reset)
	}
	l.workers.Wait()
	return err
}
