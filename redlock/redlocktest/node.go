package redlocktest

import (
	"crypto/sha1"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// A Node is an embedded Redis server with a clock of its own. All methods are safe for
// concurrent use.
type Node struct {
	quorum *Quorum
	index  int
	addr   *net.TCPAddr
	redis  *miniredis.Miniredis
	server *server.Server // redis.Server(), which only Close takes away
	wake   chan struct{}  // tells the node's goroutine to look again

	scripts *scripts

	// exec is held while a command runs, and by what must not fall into the middle of one.
	// It is always taken before mu, and the two around miniredis's own lock.
	exec sync.Mutex

	mu          sync.Mutex
	clock       wallClock
	inbox       []*packet // on its way to the node, in the order in which it was sent
	links       []*Link
	isolated    bool   // by Quorum.Partition: links of new members are cut
	listening   string // where the default member's link listens first
	listeners   []net.Listener
	config      map[string]string
	hook        func(Command)
	commands    int
	running     bool
	paused      bool
	stopped     bool // the quorum is closed
	incarnation int
	since       time.Time // by its own clock, as is the next
	at          time.Time // when the command that is being executed began
}

// A Command is what a node received from a client. Commands that a script calls aren't.
type Command struct {
	Member string   // who sent it
	Name   string   // in upper case
	Args   []string // without the name
}

func startNode(q *Quorum, index int) (*Node, error) {
	n := &Node{
		quorum: q,
		index:  index,
		addr:   &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(index+1)), Port: 6379},
		redis:  miniredis.NewMiniRedis(),
		wake:   make(chan struct{}, 1),
		clock:  newWallClock(),
	}
	// Dialling is miniredis's only way to start without a listener.
	first, err := n.redis.Dial()
	if err != nil {
		return nil, fmt.Errorf("redlocktest: start node %d: %w", index, err)
	}
	_ = first.Close()
	n.server = n.redis.Server()
	n.scripts = newScripts(n.server)
	n.server.SetPreHook(n.answer)
	if err := n.server.Register("ROLE", n.role); err != nil {
		return nil, fmt.Errorf("redlocktest: start node %d: %w", index, err)
	}
	if err := n.server.Register("CONFIG", n.configure); err != nil {
		return nil, fmt.Errorf("redlocktest: start node %d: %w", index, err)
	}
	n.redis.Seed(int(q.config.seed))
	n.redis.SetTime(n.clock.now())
	n.redis.ClockTTL(true)
	n.boot()
	if !q.config.fresh {
		n.redis.HSet(markerKey, "run", n.RunID(), "promoted", "", "number", "1", "until", "1", "longest", "0")
	}
	q.workers.Go(n.run)
	return n, nil
}

// boot is what a server process does at its start. The node's locks are held, or not needed yet.
func (n *Node) boot() {
	n.incarnation++
	n.since = n.clock.now()
	n.config = defaultConfig()
	n.running = true
}

// Addr returns the node's address, by which errors and logs name it: an IP literal of the
// network 192.0.2.0/24, which RFC 5737 reserves so that no machine has such an address. It is
// stable, and unique within the quorum.
func (n *Node) Addr() string { return n.addr.String() }

// URL returns redis:// and the address of the node's first listener (see [Node.Listen]), or
// [Node.Addr] when there is none.
func (n *Node) URL() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listening != "" {
		return "redis://" + n.listening
	}
	return "redis://" + n.addr.String()
}

// RunID returns what INFO calls run_id: 40 hexadecimal digits that change at every restart.
func (n *Node) RunID() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	sum := sha1.Sum(fmt.Appendf(nil, "%d/%d/%d", n.quorum.config.seed, n.index, n.incarnation))
	return fmt.Sprintf("%x", sum)
}

// Running reports whether the node's process exists: it hasn't crashed, or has been restarted
// since. A paused node is running.
func (n *Node) Running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running
}

// Pause stops the node as SIGSTOP does. It still takes connections and requests, as the kernel
// does on behalf of a stopped process, and executes them in order at Resume, also those whose
// clients have given up. Its clock goes on. When Pause returns, no command is being executed.
func (n *Node) Pause() {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = n.running
}

// Resume ends Pause.
func (n *Node) Resume() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.paused = false
	signal(n.wake)
}

// Crash stops the node as SIGKILL does: requests not yet executed are lost, connections are
// reset and new ones refused. When it returns, no command is being executed.
func (n *Node) Crash() {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.crash()
}

func (n *Node) crash() {
	n.mu.Lock()
	if !n.running {
		n.mu.Unlock()
		return
	}
	n.running, n.paused = false, false
	var broken []*conn
	for _, l := range n.links {
		broken = append(broken, n.discard(l.conns)...)
	}
	for _, c := range broken {
		c.reset(syscall.ECONNRESET, false)
	}
	signal(n.wake)
	n.mu.Unlock()
	n.hangUp(broken)
}

// Restart starts the node again, and crashes it first if it is running. With keepMemory it is
// as if every write had reached the disk (appendfsync always); keys whose time came meanwhile,
// by the node's clock, are gone. Without, it comes back empty. Scripts and settings made by
// CONFIG SET are lost either way.
func (n *Node) Restart(keepMemory bool) {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.crash()
	if !keepMemory {
		n.redis.FlushAll()
	}
	n.do("SCRIPT", "FLUSH")
	n.scripts.forget()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.boot()
}

// OnCommand calls f for each command that a client sends, before it is executed. One function
// is called at a time and for each node in the order of execution; nil ends it. The function
// may use the controls of any node and link, but not close the quorum. After a [Node.Pause]
// the command waits for the end of it, after a [Node.Crash] it is never executed.
func (n *Node) OnCommand(f func(Command)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hook = f
}

// Commands returns how many commands from clients have been executed, handshakes included.
func (n *Node) Commands() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.commands
}

// stop ends the node for good.
func (n *Node) stop() {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.crash()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = true
	for _, l := range n.listeners {
		_ = l.Close()
	}
	n.listeners = nil
	for _, l := range n.links {
		for _, c := range l.conns {
			c.inbox = nil
			c.reset(syscall.ECONNRESET, true)
		}
		l.wakeAll()
	}
	signal(n.wake)
}
