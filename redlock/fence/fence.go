// Package fence is the resource's side of fencing: it refuses the writes of a client that has
// lost its lock without knowing.
//
// A lock with a time-out can't protect a resource alone. Its holder may be paused after the
// last look at the lock, or its write may be held up in the network, until long after somebody
// else got the lock. So each acquisition carries a fencing token, a number larger than that of
// every acquisition of the name before it, and the resource compares tokens; see Martin
// Kleppmann, "How to do distributed locking" (2016).
//
// # Guarantee
//
// Every guard here means the same: a write whose token is lower than the highest seen for its
// name is refused with [ErrStale], and comparing, remembering and writing are one atomic step.
// So the writes that a resource has accepted under one name are in the order of their tokens.
// An equal token is accepted, because one holder may write many times.
//
//   - [Memory] guards what lives in the memory of one process.
//   - [SQL] guards rows of PostgreSQL, SQLite, MySQL or MariaDB, in the transaction that writes
//     them. Module fencepgx does so in transactions of pgx.
//   - [Redis] guards keys of a Redis server or cluster, in the script that writes them.
//   - [Middleware] guards an HTTP handler; the token travels in the header [Header]. Module fencegrpc does
//     so for gRPC.
//
// After a write that failed, the highest token seen may or may not include its token: a
// transaction takes both back, [Memory] and [Redis] remember. Either is safe, for what the
// failed write leaves behind is its store's matter and a higher mark only refuses more.
//
// # Assumptions
//
//   - Tokens are unique to an acquisition and increase from one to the next, as those of
//     Lock.Fence of package redlock do.
//   - All writes to the resource go through a guard, under the same name and to the same
//     store. A misspelt name is a name of its own, and unprotected; see [WithNames].
//   - The store decides on one copy of the data and loses no token that it has acknowledged.
//     A failover to a replica that lags forgets tokens together with writes, and then accepts
//     a write that it should have refused.
//
// A guard keeps one small entry per name and never removes it: nothing but the caller knows
// when the last client with an old token is gone.
package fence

import (
	"errors"
	"fmt"
)

const (
	// MaxToken is the largest token, 2^53-1: above it a float64 isn't exact, and that's
	// the only number that Redis' Lua and many readers of JSON have. Microseconds since 1970
	// reach it in the year 2255.
	MaxToken int64 = 1<<53 - 1

	// MaxNameLen is the longest name in bytes, the same as for a lock's name.
	MaxNameLen = 1024
)

var (
	// ErrStale means that a higher token has been seen for the name: the lock was lost, and
	// somebody else has written since. The write was not done, and repeating it is wrong.
	// The error is always a [*StaleError].
	ErrStale = errors.New("fence: stale token")

	// ErrInvalidToken means that the token is missing, no number, or outside 1 to
	// [MaxToken]. The write was not done.
	ErrInvalidToken = errors.New("fence: invalid token")

	// ErrInvalidName means that the name is empty or longer than [MaxNameLen]. The write was
	// not done.
	ErrInvalidName = errors.New("fence: invalid name")

	// ErrUnknownName means that the guard was made with [WithNames] and the name isn't among
	// them. The write was not done.
	ErrUnknownName = errors.New("fence: unknown name")
)

// StaleError tells which write was refused, and why. It matches [ErrStale].
type StaleError struct {
	Name    string // what the token was for
	Token   int64  // the token of the refused write
	Highest int64  // the highest token seen for Name by then
}

// Error names the token and the higher one that it lost to.
func (e *StaleError) Error() string {
	return fmt.Sprintf("%v: %d for %q, where %d has been seen; the lock was lost, don't write",
		ErrStale, e.Token, e.Name, e.Highest)
}

// Unwrap returns [ErrStale].
func (e *StaleError) Unwrap() error { return ErrStale }

// verdict turns the highest token seen, this write's own included, into the guard's answer.
func verdict(name string, token, highest int64) error {
	if token < highest {
		return &StaleError{Name: name, Token: token, Highest: highest}
	}
	return nil
}

// Option configures a guard of any kind.
type Option func(*config)

// WithNames makes the guard refuse every name but these, with [ErrUnknownName]. Without it
// any name is good, and a misspelt one starts with no token seen: its writes pass, and
// protect nothing. Given more than once, the names add up; given without a name, it refuses all.
func WithNames(names ...string) Option {
	return func(c *config) {
		if c.known == nil {
			c.known = make(map[string]bool, len(names))
		}
		for _, name := range names {
			c.known[name] = true
		}
	}
}

// config is what all guards have in common. It doesn't change once the guard exists.
type config struct {
	known map[string]bool // nil: any name
}

func newConfig(opts []Option) config {
	var c config
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// check refuses bad input before anything is sent to a store.
func (c config) check(name string, token int64) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it's empty; use the name of the lock", ErrInvalidName)
	case len(name) > MaxNameLen:
		return fmt.Errorf("%w: %.32q… has %d bytes, the limit is %d; use a shorter one or its hash",
			ErrInvalidName, name, len(name), MaxNameLen)
	case c.known != nil && !c.known[name]:
		return fmt.Errorf("%w: %q; correct it, or add it to WithNames", ErrUnknownName, name)
	case token < 1 || token > MaxToken:
		return fmt.Errorf("%w: %d for %q, must be 1 to %d; use Lock.Fence, with fencing enabled",
			ErrInvalidToken, token, name, MaxToken)
	}
	return nil
}
