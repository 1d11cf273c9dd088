package redlocktest

import (
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// smallBuffer is the size of the buffers of [Member.Clients], in bytes.
const smallBuffer = 1 << 10

// A Member is a client machine: it has a network link to each node and a clock, both its own.
type Member struct {
	name  string
	links []*Link
	clock *Clock

	mu      sync.Mutex
	clients []redis.UniversalClient
}

func newMember(q *Quorum, name string) *Member {
	m := &Member{name: name, clock: newClock(q.started)}
	for _, n := range q.nodes {
		m.links = append(m.links, newLink(name, n))
	}
	return m
}

// Name returns the name that the member was created with.
func (m *Member) Name() string { return m.name }

// Link returns the member's link to node i. It panics when there is no such node.
func (m *Member) Link(i int) *Link { return m.links[i] }

// Clock returns the machine's clock.
func (m *Member) Clock() *Clock { return m.clock }

// Clients returns the member's clients, one for each node, in the order of the nodes. Every
// call returns the same ones, and closing the quorum closes them.
//
// They are set up for tests that repeat exactly: a client sends one command or pipeline at a
// time over one connection, the handshake is a single HELLO, nothing is retried, and the
// context's deadline bounds every command. A refused or hanging dial shows at the first use of
// the connection, because go-redis answers by itself, for up to a second, after failed dials.
// Use [Member.Client] for clients that have none of this.
func (m *Member) Clients() []redis.UniversalClient {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clients == nil {
		for i, l := range m.links {
			c := m.Client(i, func(o *redis.Options) {
				o.Dialer = l.dialLazily
				o.Protocol = 2
				o.DisableIdentity = true
				o.MaxRetries = -1
				o.ContextTimeoutEnabled = true
				// A client dials again for each attempt on a crashed node, and clears the
				// buffers for it: with go-redis's 32 KiB, and the node's 64, an attempt took
				// 75 µs instead of 18.
				o.ReadBufferSize, o.WriteBufferSize = smallBuffer, smallBuffer
			})
			c.AddHook(newSerial())
			m.clients = append(m.clients, c)
		}
	}
	return append([]redis.UniversalClient(nil), m.clients...)
}

// Client returns a new client for node i, with go-redis's default options unless configure,
// which may be nil, changes them. Closing the quorum closes it; the caller may do so earlier.
//
// Maintenance notifications are off: with them, go-redis 9.23 holds a mutex during the
// handshake that closing the client needs too, and virtual time can't pass meanwhile. The pause
// between two dials ends when the quorum is closed. Inside a synctest bubble the client must
// never have to wait for a connection of its pool, see the package's documentation.
func (m *Member) Client(i int, configure func(*redis.Options)) *redis.Client {
	l := m.links[i]
	o := &redis.Options{
		Addr:                     l.node.Addr(),
		Dialer:                   l.dial,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DialerRetryBackoff:       l.node.quorum.backoff,
	}
	if configure != nil {
		configure(o)
	}
	c := redis.NewClient(o)
	l.node.quorum.own(c)
	return c
}
