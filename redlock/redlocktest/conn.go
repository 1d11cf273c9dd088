package redlocktest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2/server"
)

// packet is a message on its way. Without data it's the end of the connection.
type packet struct {
	conn      *conn
	number    int // within its connection and direction
	data      []byte
	end       error // what the client's Read returns; nil for requests
	due       time.Time
	handshake bool
	forced    bool // arrives whatever is cut or held
}

// flow is what one direction of a connection has to remember to keep its messages in order.
type flow struct {
	sent int
	last time.Time
}

// arrival returns when a message that sets off now arrives: never before an earlier one.
func (f *flow) arrival(latency time.Duration) time.Time {
	f.last = later(f.last, time.Now().Add(latency))
	return f.last
}

// conn is a connection: the client's end of it is its methods, the node's end is the peer.
// Nothing ever blocks on a write, as with a socket whose buffers are large enough.
type conn struct {
	link *Link
	wake chan struct{} // tells the client's Read to look again
	lazy bool          // dialled for Member.Clients

	// Guarded by the node's mu.
	number                      int // counts the connections that have been used; 0 before
	requests, replies           flow
	unsent                      []byte    // written up to the middle of a command
	inbox                       []*packet // on its way to the client
	readDeadline, writeDeadline time.Time
	closed                      bool  // by the client
	failed                      error // the reset or end that the client has seen
	dead                        bool  // the node executes nothing more of it
	gone                        bool  // the node has forgotten it
	connecting                  bool  // begun on a cut link that hasn't healed since
	answering                   bool  // what is being executed is part of the handshake

	// Guarded by the node's exec.
	peer       *server.Peer
	input      []byte
	subscribed bool
	// Commands are only queued, up to EXEC.
	transacting bool
	aborted     bool // one of them was refused, and EXEC will be
}

func newConn(l *Link) *conn {
	return &conn{link: l, wake: make(chan struct{}, 1)}
}

// begin makes the node's end when the first request arrives. Its buffer is large: a reply must
// leave in one piece to be one message, whatever its size within reason. Most connections to a
// node that's dead never get so far. The caller is the node's goroutine.
func (c *conn) begin() {
	if c.peer == nil {
		c.peer = server.NewPeer(bufio.NewWriterSize(replyWriter{c}, 64<<10))
	}
}

// Read returns what has arrived, as far as deadlines and the link's faults allow.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, until, err := c.receive(p)
		if n > 0 || err != nil {
			return n, err
		}
		await(c.wake, until)
	}
}

// receive returns n = 0 and no error when there is nothing to read yet, and until when that
// can't change unless something wakes the reader (zero: for ever).
func (c *conn) receive(p []byte) (n int, until time.Time, err error) {
	c.lock()
	defer c.unlock()
	now := time.Now()
	switch {
	case c.closed:
		return 0, until, c.opError("read", net.ErrClosed)
	case expired(c.readDeadline, now):
		return 0, until, c.opError("read", os.ErrDeadlineExceeded)
	case c.failed != nil:
		return 0, until, c.opError("read", c.failed)
	}
	until = c.readDeadline
	if len(c.inbox) == 0 || c.link.replies.stops(c.inbox[0]) {
		return 0, until, nil
	}
	head := c.inbox[0]
	if head.due.After(now) {
		if until.IsZero() || head.due.Before(until) {
			until = head.due
		}
		return 0, until, nil
	}
	if head.data == nil {
		c.failed = head.end
		return 0, until, c.opError("read", c.failed)
	}
	n = copy(p, head.data)
	head.data = head.data[n:]
	if len(head.data) == 0 {
		c.inbox = c.inbox[1:]
	}
	return n, until, nil
}

// Write sends p as one message. It never blocks. The buffers of Member.Clients are smaller than
// what these may send: there the writes before p belong to it, if they ended within a command.
func (c *conn) Write(p []byte) (int, error) {
	c.lock()
	defer c.unlock()
	switch {
	case c.closed:
		return 0, c.opError("write", net.ErrClosed)
	case expired(c.writeDeadline, time.Now()):
		return 0, c.opError("write", os.ErrDeadlineExceeded)
	case c.failed != nil:
		return 0, c.opError("write", c.failed)
	case len(p) == 0 || c.dead:
		return len(p), nil
	}
	n := len(p)
	if p = slices.Concat(c.unsent, p); c.lazy && incomplete(p) {
		c.unsent = p
		return n, nil
	}
	c.unsent = nil
	handshake := isHandshake(p)
	if d := &c.link.requests; d.drop > 0 && !handshake {
		d.drop--
		c.request(nil, false)
		c.reset(syscall.ECONNRESET, false)
		return n, nil
	}
	c.request(p, handshake)
	return n, nil
}

// Close ends the connection. What has been written before is still delivered.
func (c *conn) Close() error {
	c.lock()
	defer c.unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.inbox = nil
	if c.connecting || c.number == 0 {
		// As if the peer's machine had never heard of it. Where it was only dialled, that can
		// be a matter of luck, and a message would count.
		c.link.node.discard([]*conn{c})
	} else if !c.dead {
		c.request(nil, false)
	}
	c.forget()
	signal(c.wake)
	return nil
}

// request puts a message to the node on its way; no data means the end.
func (c *conn) request(data []byte, handshake bool) {
	n := c.link.node
	if c.number == 0 { // not at the dial: whether an unused one was dialled can be a matter of luck
		c.link.used++
		c.number = c.link.used
	}
	c.requests.sent++
	p := &packet{conn: c, number: c.requests.sent, data: data, handshake: handshake}
	p.due = c.requests.arrival(c.link.latency(requestsWay, p))
	n.inbox = append(n.inbox, p)
	signal(n.wake)
}

// reply puts a message to the client on its way.
func (c *conn) reply(p *packet) {
	c.replies.sent++
	p.conn, p.number = c, c.replies.sent
	p.due = c.replies.arrival(c.link.latency(repliesWay, p))
	c.inbox = append(c.inbox, p)
	signal(c.wake)
}

// reset tells the client that the connection is gone; the news travels as replies do.
func (c *conn) reset(reason error, forced bool) {
	if !c.closed {
		c.reply(&packet{end: reason, forced: forced})
	}
}

// forget takes a connection that neither side uses any more off the link's list.
func (c *conn) forget() {
	if c.closed && c.gone {
		c.link.conns = slices.DeleteFunc(c.link.conns, func(o *conn) bool { return o == c })
	}
}

// established reports whether a dial is over, and with which error.
func (c *conn) established() (bool, error) {
	c.lock()
	defer c.unlock()
	switch {
	case c.link.node.stopped:
		return false, errClosed
	case c.connecting:
		return false, nil
	case c.dead:
		return false, syscall.ECONNREFUSED
	}
	return true, nil
}

// replyWriter is where the node's end of a connection writes.
type replyWriter struct{ *conn }

func (w replyWriter) Write(p []byte) (int, error) {
	c := w.conn
	c.lock()
	defer c.unlock()
	if c.closed || c.dead {
		return 0, net.ErrClosed
	}
	if d := &c.link.replies; d.drop > 0 && !c.answering {
		d.drop--
		c.dead = true
		c.request(nil, false) // makes the node clean up
		c.reset(syscall.ECONNRESET, false)
		return len(p), nil
	}
	c.reply(&packet{data: slices.Clone(p), handshake: c.answering})
	return len(p), nil
}

func (c *conn) LocalAddr() net.Addr  { return memberAddr }
func (c *conn) RemoteAddr() net.Addr { return c.link.node.addr }

// memberAddr is every member's address: like the nodes', one of RFC 5737.
var memberAddr = &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 1}

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.lock()
	defer c.unlock()
	c.readDeadline = t
	signal(c.wake)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.lock()
	defer c.unlock()
	c.writeDeadline = t
	return nil
}

func (c *conn) lock()   { c.link.node.mu.Lock() }
func (c *conn) unlock() { c.link.node.mu.Unlock() }

func (c *conn) opError(op string, err error) error {
	if err == io.EOF { // the one error that a reader's callers compare with ==
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

func expired(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// signal wakes the one goroutine that waits on wake, now or at its next wait.
func signal(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// await returns on a signal, or at the given time unless that is zero.
func await(wake <-chan struct{}, until time.Time) {
	if until.IsZero() {
		<-wake
		return
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
	}
}
