package redistest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Relay is an address that leads to a server, and later to another, as a name in DNS or a virtual IP does. It
// can forget connections, as a middlebox does.
type Relay struct {
	Addr string

	delay atomic.Int64 // of what passes, each way

	mu     sync.Mutex
	to     string
	passes map[*passage]bool
	closed bool
}

// passage is a connection through a relay.
type passage struct {
	relay          *Relay
	client, server net.Conn
	forgotten      atomic.Bool
}

func (p *passage) close() { _, _ = p.client.Close(), p.server.Close() }

// NewRelay returns a relay to that address. It ends with the test.
func NewRelay(tb testing.TB, to string) *Relay {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	r := &Relay{Addr: l.Addr().String(), to: to, passes: make(map[*passage]bool)}
	var running sync.WaitGroup
	tb.Cleanup(func() {
		_ = l.Close() // which ends the goroutine that accepts
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.each((*passage).close)
		running.Wait()
	})
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.serve(client) })
		}
	})
	return r
}

// Lead makes the relay lead to another address, and breaks the connections that there are.
func (r *Relay) Lead(to string) {
	r.mu.Lock()
	r.to = to
	r.mu.Unlock()
	r.each((*passage).close)
}

// Delay makes whatever passes take so long each way.
func (r *Relay) Delay(oneWay time.Duration) { r.delay.Store(int64(oneWay)) }

// Forget makes whatever is sent on the connections that there are vanish, without a word to either end.
func (r *Relay) Forget() { r.each(func(p *passage) { p.forgotten.Store(true) }) }

func (r *Relay) each(do func(*passage)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.passes {
		do(p)
	}
}

func (r *Relay) serve(client net.Conn) {
	r.mu.Lock()
	to := r.to
	r.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		_ = client.Close()
		return
	}
	p := &passage{relay: r, client: client, server: server}
	defer p.close()
	r.mu.Lock()
	r.passes[p] = true
	stale := r.closed || r.to != to
	r.mu.Unlock()
	if !stale {
		var back sync.WaitGroup
		back.Go(func() { p.carry(client, server) })
		p.carry(server, client)
		back.Wait()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.passes, p)
}

// carry carries bytes in one direction until either end hangs up.
func (p *passage) carry(to io.Writer, from io.Reader) {
	defer p.close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.forgotten.Load() {
			continue
		}
		time.Sleep(time.Duration(p.relay.delay.Load()))
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
