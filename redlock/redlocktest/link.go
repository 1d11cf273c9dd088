package redlocktest

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"syscall"
	"time"
)

// A Link is the network between one member and one node. A link's faults concern its own two
// ends only: another member still reaches the node, and the member other nodes.
//
// Faults act on messages. A message is what one write carries: a command, a whole pipeline,
// the replies to a pipeline, a published message. Go-redis begins every connection with a
// handshake (HELLO, AUTH, CLIENT, SELECT); holding and dropping pass over it, so that they
// hit what the test is about whether or not the connection is new. Cutting doesn't.
//
// All methods are safe for concurrent use, also from the function given to [Node.OnCommand].
type Link struct {
	member string
	node   *Node
	seed   uint64

	// Guarded by node.mu.
	requests, replies direction
	conns             []*conn
	used              int // connections that have sent something
}

// direction is the state of one direction of a link.
type direction struct {
	cut, held bool
	drop      int
	delay     time.Duration
}

func newLink(member string, n *Node) *Link {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%s", n.quorum.config.seed, n.index, member)
	l := &Link{member: member, node: n, seed: h.Sum64()}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links = append(n.links, l)
	l.requests.cut, l.replies.cut = n.isolated, n.isolated
	return l
}

// Cut stops everything in both directions, like an unplugged cable: connections stay open,
// what is sent stays on its way, and new connections aren't made until Heal. What was on its
// way then arrives, as TCP's retransmission has it, even if its sender has given up by then;
// use [Link.Reset] before healing to lose it.
func (l *Link) Cut() { l.set(func() { l.requests.cut, l.replies.cut = true, true }) }

// CutRequests stops what the member sends. New connections aren't made either.
func (l *Link) CutRequests() { l.set(func() { l.requests.cut = true }) }

// CutReplies stops what the node sends, while requests still arrive and are executed. New
// connections aren't made.
func (l *Link) CutReplies() { l.set(func() { l.replies.cut = true }) }

// Heal ends every cut. What had been stopped sets off now, in its order.
func (l *Link) Heal() {
	l.set(l.heal)
}

// heal is Heal for a caller that holds the node's mu.
func (l *Link) heal() {
	l.requests.cut, l.replies.cut = false, false
	for _, c := range l.conns {
		c.connecting = false
	}
	l.sendAgain()
}

// HoldRequests keeps back what the member sends until Release. New connections are made, and
// their handshakes pass.
func (l *Link) HoldRequests() { l.set(func() { l.requests.held = true }) }

// HoldReplies keeps back what the node sends until Release.
func (l *Link) HoldReplies() { l.set(func() { l.replies.held = true }) }

// Release ends HoldRequests and HoldReplies. What was kept back sets off now, in its order.
func (l *Link) Release() {
	l.set(func() {
		l.requests.held, l.replies.held = false, false
		l.sendAgain()
	})
}

// Held returns how many messages are kept back at the moment, by holding or by cutting.
func (l *Link) Held() (requests, replies int) {
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	for _, p := range l.node.inbox {
		if p.conn.link == l && p.data != nil && l.requests.stops(p) {
			requests++
		}
	}
	for _, c := range l.conns {
		for _, p := range c.inbox {
			if p.data != nil && l.replies.stops(p) {
				replies++
			}
		}
	}
	return requests, replies
}

// DropRequests loses the next n messages that the member sends. TCP can't lose a message and
// carry on, so the connection breaks too: the node sees it end and the member sees a reset
// where the reply would have been. The commands in the message are never executed.
func (l *Link) DropRequests(n int) { l.set(func() { l.requests.drop = n }) }

// DropReplies loses the next n messages that the node sends, and breaks their connections in
// the same way. The commands that they answer have been executed.
func (l *Link) DropReplies(n int) { l.set(func() { l.replies.drop = n }) }

// Delay adds to the time that each message takes from now on, one way. Zero ends it.
func (l *Link) Delay(request, reply time.Duration) {
	l.set(func() { l.requests.delay, l.replies.delay = request, reply })
}

// Reset breaks all open connections. What was on its way is lost in both directions, and the
// member sees a reset even where the link is cut.
func (l *Link) Reset() {
	n := l.node
	n.exec.Lock()
	defer n.exec.Unlock()
	n.mu.Lock()
	broken := n.discard(l.conns)
	for _, c := range broken {
		c.inbox = nil
		c.reset(syscall.ECONNRESET, true)
	}
	n.mu.Unlock()
	n.hangUp(broken)
}

func (l *Link) set(change func()) {
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	change()
	l.wakeAll()
}

func (l *Link) wakeAll() {
	signal(l.node.wake)
	for _, c := range l.conns {
		signal(c.wake)
	}
}

// stops reports whether p has to wait.
func (d *direction) stops(p *packet) bool {
	return !p.forced && (d.cut || d.held && !p.handshake)
}

// sendAgain lets what has been kept back travel from now on. Each message takes its own
// latency once more: were they all to arrive in the same instant, the order in which
// goroutines run would decide what happens next.
func (l *Link) sendAgain() {
	for _, c := range l.conns {
		c.requests.last, c.replies.last = time.Time{}, time.Time{}
	}
	for _, p := range l.node.inbox {
		if p.conn.link == l {
			p.due = later(p.due, p.conn.requests.arrival(l.latency(requestsWay, p)))
		}
	}
	for _, c := range l.conns {
		for _, p := range c.inbox {
			p.due = later(p.due, c.replies.arrival(l.latency(repliesWay, p)))
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

type way uint64

const (
	requestsWay way = iota
	repliesWay
)

func (l *Link) latency(w way, p *packet) time.Duration {
	least, most := l.node.quorum.config.minLatency, l.node.quorum.config.maxLatency
	extra := l.requests.delay
	if w == repliesWay {
		extra = l.replies.delay
	}
	if most > least {
		which := uint64(p.conn.number)<<32 | uint64(p.number)<<1 | uint64(w)
		least += time.Duration(rand.New(rand.NewPCG(l.seed, which)).Int64N(int64(most-least) + 1))
	}
	return least + extra
}

// connect makes a connection at once, whatever the state of the link and the node: one that
// is refused has a reset on its way, and one across a cut link just hears nothing.
func (l *Link) connect() (*conn, error) {
	n := l.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil, errClosed
	}
	c := newConn(l)
	c.connecting = l.requests.cut || l.replies.cut
	l.conns = append(l.conns, c)
	if !n.running {
		c.dead, c.gone = true, true
		c.reset(syscall.ECONNREFUSED, false)
	}
	return c, nil
}

// dialLazily is for clients that must not know of failed dials, see [Member.Clients].
func (l *Link) dialLazily(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil { // as any dialer
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.node.addr, Err: err}
	}
	c, err := l.connect()
	if err != nil {
		return nil, err
	}
	c.lazy = true // nobody else knows it yet
	return c, nil
}

// dial returns when the connection stands, like a TCP dial.
func (l *Link) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	c, err := l.connect()
	if err != nil {
		return nil, err
	}
	for {
		established, err := c.established()
		if established {
			return c, nil
		}
		if err == nil {
			select {
			case <-c.wake:
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		_ = c.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
	}
}
