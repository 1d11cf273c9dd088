package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

const (
	// handOffFar is how much further away the first client is.
	handOffFar = 3 * time.Millisecond
	// handOffTurns is how often each client must get the lock within handOffTTLs TTLs. It's far less than what waiting at random gives
	// the client that is further away, and more than one that starves gets.
	handOffTurns, handOffTTLs = 3, 10
)

var handOff = Scenario{
	Name:   "hand-off",
	About:  "several clients want a busy lock again and again, and one of them is further away: each must get its turns",
	Source: "https://github.com/redisson/redisson/issues/5761 on starvation; see docs/design.md, Waiting",
	Steps: []string{
		fmt.Sprintf("requests of client 1 to all nodes take %v longer", handOffFar),
		"four clients take the lock, write under it, give it back, and want it again at once; locks that can be waited for are",
		fmt.Sprintf("each must have had the lock %d times within %d TTLs", handOffTurns, handOffTTLs),
	},
	Clients:  4,
	MinNodes: 1,
	Demands:  true,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		if _, err := l.Inject(ctx, nemesis.Fault{Kind: nemesis.SlowNode, Clients: []int{0}, Nodes: span(0, l.Len()), By: handOffFar}); err != nil {
			return err
		}
		began := l.Now()
		r := rotation{l: l, until: began + handOffTTLs*l.TTL(), turns: make([]atomic.Int64, len(l.Clients()))}
		sharing, shared := errgroup.WithContext(ctx)
		for _, c := range l.Clients() {
			sharing.Go(func() error { return r.share(shared, c) })
		}
		if err := sharing.Wait(); err != nil {
			return err
		}
		r.tell()
		if !r.done() {
			if err := checkSpeed(ctx, l); err != nil {
				return err
			}
		}
		l.Demand(r.done(), "each of %d clients gets the lock %d times within %v, after %v", len(r.turns), handOffTurns, handOffTTLs*l.TTL(), (l.Now() - began).Round(time.Millisecond))
		return nil
	},
}

// rotation counts the turns of clients that share a lock.
type rotation struct {
	l     *lab.Lab
	until time.Duration
	turns []atomic.Int64 // by client
}

// share has a client take turns until all have had theirs, or the time is up.
func (r *rotation) share(ctx context.Context, c *lab.Client) error {
	for !r.done() && r.l.Now() < r.until {
		acquired, err := c.Await(ctx, r.until)
		if err != nil {
			return err
		}
		if !acquired {
			continue
		}
		r.turns[c.Index()].Add(1)
		if err := readAndWrite(ctx, c); err != nil {
			return err
		}
		if _, err := c.Release(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *rotation) done() bool {
	for i := range r.turns {
		if r.turns[i].Load() < handOffTurns {
			return false
		}
	}
	return true
}

// tell notes who got how many turns.
func (r *rotation) tell() {
	var counts []int64
	var texts []string
	for i := range r.turns {
		counts = append(counts, r.turns[i].Load())
		texts = append(texts, fmt.Sprint(counts[i]))
	}
	r.l.Note("the clients had %s turns; the busiest had %.1f for each of the idlest", strings.Join(texts, ", "),
		float64(slices.Max(counts))/float64(max(slices.Min(counts), 1)))
}
