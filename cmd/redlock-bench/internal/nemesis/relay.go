package nemesis

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// readSize is enough for any request or reply of a lock in one read.
const readSize = 16 << 10

// dialTimeout bounds the connection to a node. On the loopback it fails or succeeds at once,
// unless a stopped node's backlog is full.
const dialTimeout = 5 * time.Second

// relay carries one client's connection to the node and back.
//
// The node is dialled when the first bytes are due there, so that a cut link tells a client
// nothing about the node, not even whether it's up.
type relay struct {
	link   *Link
	client net.Conn
	probe  bool // the harness's own question, which isn't counted

	requests, replies *flow
	stream            stream
	workers           sync.WaitGroup
	ctx               context.Context // ends with the relay
	cancel            context.CancelFunc

	dialling sync.Once
	mu       sync.Mutex // guards the rest
	node     net.Conn   // nil until dialled, and if that failed
	over     int        // directions in which nothing more can come
	ended    bool
}

func newRelay(link *Link, client net.Conn, probe bool) *relay {
	r := &relay{link: link, client: client, probe: probe}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.requests = newFlow(link.lanes[Requests], r)
	r.replies = newFlow(link.lanes[Replies], r)
	return r
}

// run carries until the connection has ended in both directions or end is called.
func (r *relay) run() {
	r.workers.Go(func() { r.drain(r.requests, r.toNode) })
	r.workers.Go(func() { r.drain(r.replies, r.toClient) })
	r.workers.Go(func() {
		if !r.fill(r.requests, r.client, r.toNode) {
			// The client is gone, and its last requests are lost: there's nothing left to carry.
			r.end(reset)
		}
	})
	r.workers.Wait()
	r.end(closed)
	r.requests.leave()
	r.replies.leave()
}

// fill puts what src yields into the flow, up to and including its end; false means that the
// end was lost.
func (r *relay) fill(f *flow, src net.Conn, deliver func(*message)) bool {
	buffer := make([]byte, readSize)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if !r.probe {
				f.lane.fire(buffer[:n])
			}
			if f.arrive(buffer[:n]) {
				deliver(&message{data: buffer[:n]})
			}
		}
		if err != nil {
			how := reset
			if errors.Is(err, io.EOF) {
				how = closed
			}
			return f.arriveEnd(how)
		}
		for f.full() {
			select {
			case <-f.room:
			case <-r.ctx.Done():
				return false
			}
		}
	}
}

// drain delivers what waits in the flow when its time has come.
func (r *relay) drain(f *flow, deliver func(*message)) {
	for {
		m, wait := f.next()
		if m != nil {
			deliver(m)
			f.delivered()
			if m.end != notEnded {
				return
			}
			continue
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-f.wake:
		case <-due:
		case <-r.ctx.Done():
			return
		}
	}
}

func (r *relay) toNode(m *message) {
	node := r.dial()
	switch {
	case node == nil && m.end != notEnded:
		r.end(closed)
	case node == nil:
		r.requests.fail()
	case m.end == closed:
		if rest := r.stream.commands.flush(); len(rest) > 0 {
			r.write(rest)
		}
		if !r.link.tampered.Load().waiting().before(r, func() { r.closeNode(node) }) {
			r.closeNode(node)
		}
	case m.end == reset:
		r.end(reset)
	default:
		r.send(m.data)
	}
}

// closeNode ends the requests. The node may still have replies under way, so it alone ends the connection.
func (r *relay) closeNode(node net.Conn) {
	if half, ok := node.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	r.oneOver()
}

func (r *relay) toClient(m *message) {
	if m.end != notEnded {
		r.deliver(r.stream.replies.flush())
		r.end(m.end)
		return
	}
	values, do := r.stream.ordered(m.data)
	r.deliver(slices.Concat(values...))
	for _, f := range do {
		f()
	}
}

func (r *relay) deliver(data []byte) {
	if len(data) == 0 {
		return
	}
	if _, err := r.client.Write(data); err != nil {
		// The client is gone, but requests that it has sent may still be held.
		r.replies.fail()
	}
}

// dial connects to the node the first time; nil means that it failed.
func (r *relay) dial() net.Conn {
	r.dialling.Do(func() {
		dialer := net.Dialer{Timeout: dialTimeout}
		node, err := dialer.DialContext(r.ctx, "tcp", r.link.node.Addr())
		if err != nil {
			if !r.replies.arriveEnd(reset) {
				r.oneOver()
			}
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.ended {
			_ = node.Close()
			return
		}
		r.node = node
		r.workers.Go(func() {
			if !r.fill(r.replies, node, r.toClient) {
				r.oneOver()
			}
		})
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.node
}

// oneOver ends the relay when it's called for the second direction.
func (r *relay) oneOver() {
	r.mu.Lock()
	r.over++
	over := r.over
	r.mu.Unlock()
	if over == 2 {
		r.end(closed)
	}
}

// end closes both sides at once, with a reset or in order.
func (r *relay) end(how ending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.ended = true
	r.cancel()
	for _, conn := range []net.Conn{r.client, r.node} {
		if conn == nil {
			continue
		}
		if tcp, ok := conn.(*net.TCPConn); ok && how == reset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}
