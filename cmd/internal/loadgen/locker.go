package loadgen

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// Client says which lock a process is to be a client of.
type Client struct {
	Subject string        `json:"subject"`
	Name    string        `json:"name"`  // no other process has the same
	Nodes   []string      `json:"nodes"` // the servers' URLs
	TTL     time.Duration `json:"ttl_ns"`
}

// Locker is a client of a lock library. Its methods are called concurrently.
type Locker interface {
	// Lock waits for a lock until ctx ends, in the library's own way.
	Lock(ctx context.Context, name string) (Lease, error)
	// TryLock makes one attempt.
	TryLock(ctx context.Context, name string) (Lease, error)
	// Kind says in a word or two what kind of error it is that one of the other methods returned.
	Kind(err error) string
	Close() error
}

// Lease is a lock that was acquired.
type Lease interface {
	Release(ctx context.Context) error
}

// Kind names the errors that any library may return as they come from the network, for [Locker.Kind] to
// fall back on. Those that it doesn't know it names by their text, as far as that is short.
func Kind(err error) string {
	netErr, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || (isNet && netErr.Timeout()):
		return "time-out"
	case isNet || errors.Is(err, io.EOF):
		return "connection"
	}
	text := err.Error()
	return text[:min(len(text), 80)]
}
