// Package subject holds the lock algorithms that the harness judges.
//
// All but one are written as their authors describe them, on go-redis alone, in a few lines
// that can be compared with the description. None of them is for use: four of the five are
// here because they break.
package subject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrRefused matches the errors of operations that the lock algorithm answered with no: the
// lock is held by another, or too few nodes answered.
var ErrRefused = errors.New("subject: refused")

// Config is what a subject needs to know about its surroundings.
type Config struct {
	// Nodes are the redis:// URLs of all nodes. Subjects that use one node take [Middle].
	Nodes []string
	// Names are what to call the nodes, which are the same for all clients while the URLs may differ; nil for the addresses.
	Names []string
	// Joining are the URLs of a second list of nodes, of which a lock needs a majority, too, and JoiningNames what to call these; for
	// a [Changer] only.
	Joining, JoiningNames []string
	// NodeTimeout is how long to wait for one node.
	NodeTimeout time.Duration
	// TTL is the longest that a lock will be asked for.
	TTL time.Duration
	// Clock is what algorithms count their time on that read Go's clock; nil for a machine that is
	// never suspended.
	Clock *Clock
}

// middle is c for subjects that use one node.
func (c Config) middle() Config {
	c.Nodes, c.Names = c.Nodes[Middle(len(c.Nodes)):][:1], nil
	return c
}

// A Locker is a client of one lock algorithm. It's for one goroutine.
type Locker interface {
	// Acquire makes one attempt to take the lock. It's over after a few node time-outs.
	Acquire(ctx context.Context, name string, ttl time.Duration) (Lease, error)
	// Close closes the connections. It doesn't release locks.
	Close() error
}

// A Waiter is a [Locker] that can wait for a lock that another holds.
type Waiter interface {
	// Wait takes the lock as soon as it can be had, unless ctx ends before.
	Wait(ctx context.Context, name string, ttl time.Duration) (Lease, error)
}

// A Changer is a [Locker] whose nodes can be replaced while clients go on to lock.
type Changer interface {
	// Change makes the nodes vote for the list that the locker joins, instead of its own. Gone are the names of those that won't ever
	// answer again. It may be called again where it was refused.
	Change(ctx context.Context, gone []string) error
}

// A Lease is a lock that a client acquired.
type Lease interface {
	// Token is the value that marks the lock on the nodes.
	Token() string
	// Fence is the fencing token; 0 if the algorithm has none.
	Fence() int64
	// ValidUntil is the reading of clockdrift.System up to which the client believes that
	// nobody else holds the lock.
	ValidUntil() time.Duration
	// Extend gives the lock its full TTL again.
	Extend(ctx context.Context) error
	// Release gives the lock back in the way of the algorithm, whether it's still held or not.
	Release(ctx context.Context) error
}

// A Subject is a lock algorithm under test.
type Subject struct {
	// Name is what the command line calls it.
	Name string
	// About says in one line what it does.
	About string
	// SingleNode tells that it uses the middle node only.
	SingleNode bool
	// Traits are what is known of how it works.
	Traits Traits
	// Fencing tells that its locks carry fencing tokens.
	Fencing bool
	// Command is the program, with its arguments, that is a client of it; nil for a built-in one.
	Command []string
	// Stranger tells that nothing is known about it, so that any verdict is as expected.
	Stranger bool
	// Open makes a client of a built-in one and connects. Nodes that are down don't make it fail
	// as long as the algorithm could work without them.
	Open func(ctx context.Context, c Config) (Locker, error)
}

// All returns the subjects that the harness judges, the weakest first.
func All() []Subject { return []Subject{naive, single, unchecked, classic, guarded} }

// known are all that have a name of their own.
func known() []Subject { return slices.Concat(All(), hidden, Peers()) }

// hidden are the subjects that only show whether the harness can tell good from bad.
var hidden = slices.Concat([]Subject{broken, unguarded, durable}, flawed)

// Hidden returns the subjects that are judged only if they're named: what this module's lock is without its guards,
// and locks that the harness must catch.
func Hidden() []Subject { return slices.Clone(hidden) }

// Find returns the subject with the given name, the hidden ones and the peers included.
func Find(name string) (Subject, error) {
	for _, s := range known() {
		if s.Name == name {
			return s, nil
		}
	}
	return Subject{}, fmt.Errorf("subject: no subject is called %q; there are %s", name, strings.Join(names(known()), ", "))
}

// Names returns the names of [All].
func Names() []string { return names(All()) }

func names(subjects []Subject) []string {
	var all []string
	for _, s := range subjects {
		all = append(all, s.Name)
	}
	return all
}

// Middle is the index of the node that a subject with a single node uses. It's the one that two
// majorities share, so that no fault spares it by chance.
func Middle(nodes int) int { return nodes / 2 }

// Uses returns the indices of the nodes that the subject uses, out of the given number.
func (s Subject) Uses(nodes int) []int {
	if s.SingleNode {
		return []int{Middle(nodes)}
	}
	all := make([]int, nodes)
	for i := range all {
		all[i] = i
	}
	return all
}
