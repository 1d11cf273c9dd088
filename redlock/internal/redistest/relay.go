package redistest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Relay is an address that leads to a server, and later to another, as a name in DNS or a virtual IP does.
type Relay struct {
	Addr string

	mu     sync.Mutex
	to     string
	conns  map[net.Conn]bool
	closed bool
}

// NewRelay returns a relay to that address. It ends with the test.
func NewRelay(tb testing.TB, to string) *Relay {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	r := &Relay{Addr: l.Addr().String(), to: to, conns: make(map[net.Conn]bool)}
	var running sync.WaitGroup
	tb.Cleanup(func() {
		_ = l.Close() // which ends the goroutine that accepts
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.cut()
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
	r.cut()
}

func (r *Relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		_ = c.Close()
	}
}

// keep notes a connection for cut, and reports whether it may go on.
func (r *Relay) keep(c net.Conn, to string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = true
	return !r.closed && r.to == to
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
	if r.keep(client, to) && r.keep(server, to) {
		var back sync.WaitGroup
		back.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
		_, _ = io.Copy(server, client)
		_ = server.Close()
		back.Wait()
	}
	_, _ = client.Close(), server.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, client)
	delete(r.conns, server)
}
