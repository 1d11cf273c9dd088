package redlocktest

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2/server"
)

// run is the node's only goroutine: like the real server, it executes one command after the
// other, in the order in which they arrive.
func (n *Node) run() {
	for {
		p, until, ok := n.next()
		switch {
		case !ok:
			return
		case p == nil:
			await(n.wake, until)
		case p.data == nil:
			n.exec.Lock()
			n.end(p.conn)
			n.exec.Unlock()
		default:
			n.serve(p.conn, p.data)
		}
	}
}

// next takes the message off the inbox that arrived first. Without one it returns until when
// there's nothing to do (zero: for ever). It returns false when the node is stopped.
func (n *Node) next() (first *packet, until time.Time, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil, until, false
	}
	if n.paused {
		return nil, until, true
	}
	for _, p := range n.inbox {
		if !p.conn.link.requests.stops(p) && (first == nil || p.due.Before(first.due)) {
			first = p
		}
	}
	if first == nil {
		return nil, until, true
	}
	if first.due.After(time.Now()) {
		return nil, first.due, true
	}
	n.inbox = slices.DeleteFunc(n.inbox, func(p *packet) bool { return p == first })
	return first, until, true
}

// serve executes the commands of one message, and answers them with one.
func (n *Node) serve(c *conn, data []byte) {
	c.begin()
	c.input = append(c.input, data...)
	for {
		args, rest, ok, err := parseCommand(c.input)
		if err != nil {
			c.peer.WriteError("ERR Protocol error: " + err.Error())
			c.peer.Close()
			break
		}
		if !ok {
			break
		}
		c.input = rest
		if len(args) > 0 && !n.execute(c, args) {
			return
		}
	}
	c.peer.Flush()
	if c.peer.Closed() {
		n.exec.Lock()
		n.end(c)
		n.exec.Unlock()
	}
}

// execute runs one command. It returns false when the connection has ended instead.
func (n *Node) execute(c *conn, args []string) bool {
	name := strings.ToUpper(args[0])
	n.mu.Lock()
	hook := n.hook
	n.mu.Unlock()
	if hook != nil {
		hook(Command{Member: c.link.member, Name: name, Args: slices.Clone(args[1:])})
	}
	if !n.enter(c, name) {
		return false
	}
	defer n.exec.Unlock()
	if c.aborted && endsTransaction[name] {
		c.aborted = false
		if name == "EXEC" && len(args) == 1 {
			n.doAs(c, "DISCARD")
			c.peer.WriteError("EXECABORT Transaction discarded because of previous errors.")
			return true
		}
	}
	if !n.server.IsRegisteredCommand(name) {
		c.peer.WriteError(unknownCommand(args))
		c.aborted = c.transacting
		return true
	}
	if blocks(name, args) {
		c.peer.WriteError("ERR redlocktest: " + name + " that blocks is not supported")
		c.aborted = c.transacting
		return true
	}
	n.scripts.note(args)
	if c.transacting || c.subscribed || !n.scripts.run(c.peer, args) {
		n.server.Dispatch(c.peer, args)
	}
	return true
}

// enter waits until the node isn't paused, and takes exec. It returns false, without exec,
// when the connection is gone.
func (n *Node) enter(c *conn, name string) bool {
	for {
		n.exec.Lock()
		n.mu.Lock()
		dead, paused := c.dead || n.stopped, n.paused
		if !dead && !paused {
			n.commands++
			c.answering = handshakes[name]
			c.subscribed = c.subscribed || strings.HasSuffix(name, "SUBSCRIBE")
			c.transacting = name == "MULTI" || (c.transacting && !endsTransaction[name])
			n.at = n.clock.now()
			n.mu.Unlock()
			n.redis.SetTime(n.at) // time stands still during a command, scripts included
			return true
		}
		n.mu.Unlock()
		n.exec.Unlock()
		if dead {
			return false
		}
		<-n.wake
	}
}

var endsTransaction = map[string]bool{"EXEC": true, "DISCARD": true, "RESET": true}

// handshakes are the commands with which client libraries begin a connection.
var handshakes = map[string]bool{"HELLO": true, "AUTH": true, "CLIENT": true, "SELECT": true}

// isHandshake reports whether a message begins with such a command.
func isHandshake(message []byte) bool {
	args, _, ok, err := parseCommand(message)
	return ok && err == nil && len(args) > 0 && handshakes[strings.ToUpper(args[0])]
}

// blocks reports whether the command could keep the server's only goroutine waiting.
func blocks(name string, args []string) bool {
	switch name {
	case "BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT":
		return true
	case "XREAD", "XREADGROUP":
		return slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "BLOCK") })
	}
	return false
}

// end is the node's side of a connection that is over. The caller holds exec.
func (n *Node) end(c *conn) {
	n.mu.Lock()
	ended := n.discard([]*conn{c})
	n.mu.Unlock()
	n.hangUp(ended)
	n.mu.Lock()
	defer n.mu.Unlock()
	c.reset(io.EOF, false)
	c.forget()
}

// discard makes the node forget the connections, and returns those which it hadn't forgotten
// already. The caller holds mu, and hangs up for those.
func (n *Node) discard(conns []*conn) []*conn {
	var known []*conn
	for _, c := range conns {
		if !c.gone {
			c.dead, c.gone = true, true
			known = append(known, c)
		}
	}
	n.inbox = slices.DeleteFunc(n.inbox, func(p *packet) bool { return p.conn.gone })
	return known
}

// hangUp ends what miniredis does on behalf of connections. The caller holds exec.
func (n *Node) hangUp(conns []*conn) {
	for _, c := range conns {
		if !c.subscribed {
			continue
		}
		// DISCARD first: within a transaction the others would only be queued.
		for _, cmd := range []string{"DISCARD", "UNSUBSCRIBE", "PUNSUBSCRIBE"} {
			n.server.Dispatch(c.peer, []string{cmd})
		}
	}
}

// doAs executes a command in the state of a connection, without its answer. The caller holds exec.
func (n *Node) doAs(c *conn, args ...string) {
	silent := server.NewPeer(bufio.NewWriter(io.Discard))
	silent.Ctx = c.peer.Ctx
	n.server.Dispatch(silent, args)
}

// do executes a command on behalf of the node itself. The caller holds exec.
func (n *Node) do(args ...string) {
	n.server.Dispatch(server.NewPeer(bufio.NewWriter(io.Discard)), args)
}
