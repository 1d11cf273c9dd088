package redlocktest

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// Listen makes the node reachable by TCP as well, so that other processes can connect. The
// address is one of this machine's, port 0 picks a free port, and the result is the address
// in use. Who connects there counts as the default member; see [Link.Listen].
//
// Lockers that dial a listener call the node by that address. So with its first one a node forgets for which set of voters it
// votes, and the lockers that come first tell it.
//
// TCP works in real time only, not in a synctest bubble. The quorum's Close ends it.
func (n *Node) Listen(addr string) (net.Addr, error) {
	at, err := n.quorum.Member("").Link(n.index).Listen(addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listening == "" {
		n.listening = at.String()
	}
	return at, nil
}

// Listen is [Node.Listen] for this member: who connects to the address is subject to this
// link's faults. Give each child process a member, and it can be cut off on its own.
//
// The kernel makes TCP connections by itself: over a cut link, or to a crashed node, a dial
// succeeds. The connection then hears nothing, or is reset.
func (l *Link) Listen(addr string) (net.Addr, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("redlocktest: node %d: %w", l.node.index, err)
	}
	l.node.mu.Lock()
	defer l.node.mu.Unlock()
	if l.node.stopped {
		_ = listener.Close()
		return nil, errClosed
	}
	if len(l.node.listeners) == 0 && l.node.redis.Exists(markerKey) {
		l.node.redis.HDel(markerKey, "voters")
	}
	l.node.listeners = append(l.node.listeners, listener)
	l.node.quorum.workers.Go(func() { l.accept(listener) })
	return listener.Addr(), nil
}

func (l *Link) accept(listener net.Listener) {
	var bridges sync.WaitGroup
	defer bridges.Wait()
	for {
		outside, err := listener.Accept()
		if err != nil {
			return // closed by stop
		}
		inside, err := l.connect()
		if err != nil {
			_ = outside.Close()
			continue
		}
		bridges.Go(func() { bridge(outside.(*net.TCPConn), inside) })
	}
}

// bridge carries bytes between a TCP connection and one of ours until either ends.
func bridge(outside *net.TCPConn, inside *conn) {
	var upward sync.WaitGroup
	upward.Go(func() {
		_, _ = io.Copy(inside, outside)
		_ = inside.Close() // fails when the other direction was faster, which is fine
	})
	if _, err := io.Copy(outside, inside); err != nil {
		_ = outside.SetLinger(0) // hand on a reset as a reset, not as an orderly end
	}
	_ = outside.Close()
	upward.Wait()
}
