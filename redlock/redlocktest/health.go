package redlocktest

import (
	"errors"
	"syscall"
	"time"
)

// SyscallConn is here for connection pools. Before reuse, go-redis asks the kernel whether a
// pooled connection has ended or has unread data, and replaces it if so; without this, a node's
// restart would fail the first command of every client, which it doesn't over real sockets.
// The answer is in the error: the RawConn calls no function, since there's no descriptor.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	c.lock()
	defer c.unlock()
	if c.closed || c.failed != nil {
		return nil, errUnusable
	}
	// When a deadline passes during a dial, it's a matter of luck whether go-redis keeps the new
	// connection for later. A run that is to repeat exactly goes on without it.
	if c.lazy && c.number == 0 {
		return nil, errUnusable
	}
	if len(c.inbox) > 0 && !c.link.replies.stops(c.inbox[0]) && !c.inbox[0].due.After(time.Now()) {
		return nil, errUnusable
	}
	return healthy{}, nil
}

var errUnusable = errors.New("redlocktest: the connection has ended or has unread data")

// healthy is the RawConn of a connection with nothing to read.
type healthy struct{}

func (healthy) Control(func(uintptr)) error    { return nil }
func (healthy) Read(func(uintptr) bool) error  { return nil }
func (healthy) Write(func(uintptr) bool) error { return nil }
