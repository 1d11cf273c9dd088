package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
)

const (
	// LongHolds is the usual share of the locks that are held for long, and extended; the others are
	// given back soon, so that there are many.
	LongHolds = 0.2
	// longestHold, in TTLs, bounds how long. A lock that's extended again and again outlives one node's memory after
	// the other, and has to be given to them anew.
	longestHold = 3
	// LastMoments is the usual share of the locks that are held until their time is over.
	LastMoments = 0.05
	// severals is the share of the locks with which a client tries to get others, too.
	severals = 0.2
	// careless is the share of the writes before which a client doesn't look at its lock. A
	// fenced resource must not need it.
	careless = 0.5
)

// contender is a client that takes the lock, reads, writes and gives it back, again and again.
type contender struct {
	*lab.Client
	lab      *lab.Lab
	random   *rand.Rand
	ttl      time.Duration
	acquired *atomic.Int64 // counts for all
	arena    *arena
	// restarts are those that are asked for with another list of nodes.
	restarts <-chan restart
	// lastMoments is the share of the locks that this client holds until their time is over, and longHolds that of those
	// that it holds for long.
	lastMoments, longHolds float64
}

// contend goes on until ctx ends. No operation is cut short by that, so that all outcomes are
// known; the error is that of a worker that failed.
func (c contender) contend(ctx context.Context) error {
	working := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		if err := c.restartIfAsked(ctx); err != nil {
			return err
		}
		acquired, err := c.attempt(ctx, working)
		if err != nil {
			return err
		}
		if acquired {
			c.acquired.Add(1)
			if err := c.hold(ctx, working); err != nil {
				return err
			}
		}
		c.pause(ctx, c.between(c.ttl/500, c.ttl/30))
	}
	return nil
}

// restartIfAsked starts the client anew if that's asked for. It's called while the client holds no lock. That the run ended before the client was ready is no error.
func (c contender) restartIfAsked(ctx context.Context) error {
	select {
	case r := <-c.restarts:
		err := c.Restart(ctx, r.list, r.joining)
		r.done <- err
		if ctx.Err() == nil {
			return err
		}
	default:
	}
	return nil
}

// attempt tries to get the lock: once, or again and again around its end where that's known.
func (c contender) attempt(ctx, working context.Context) (bool, error) {
	e, ending := c.arena.take()
	if !ending || c.lab.SleepUntil(ctx, e.believed-edge) != nil {
		return c.TryAcquire(working)
	}
	for {
		acquired, err := c.TryAcquire(working)
		if err != nil || acquired || c.lab.Now() > e.dropped+edge || ctx.Err() != nil {
			return acquired, err
		}
	}
}

// hold works under the lock and releases it.
func (c contender) hold(ctx, working context.Context) error {
	if c.random.Float64() < c.lastMoments && !c.Renews() {
		return c.outlast(ctx, working)
	}
	if c.random.Float64() < severals {
		others, err := c.takeOthers(working)
		if err != nil {
			return err
		}
		if err := c.work(ctx, working); err != nil {
			return err
		}
		return c.leaveOthers(working, others)
	}
	return c.work(ctx, working)
}

// takeOthers tries to get other locks, which all clients want now and then.
func (c contender) takeOthers(ctx context.Context) ([]*lab.Other, error) {
	var others []*lab.Other
	for _, i := range c.random.Perm(3)[:2] {
		other := c.Other(fmt.Sprintf("%s %d", lab.LockName, i+2))
		acquired, err := other.TryAcquire(ctx)
		if err != nil {
			return nil, err
		}
		if acquired {
			others = append(others, other)
		}
	}
	return others, nil
}

// leaveOthers looks at the other locks, extends some, and gives most of them back; the rest run out.
func (c contender) leaveOthers(ctx context.Context, others []*lab.Other) error {
	for _, other := range others {
		if _, err := other.Check(ctx); err != nil {
			return err
		}
		if c.random.IntN(2) == 0 {
			if _, err := other.Extend(ctx); err != nil {
				return err
			}
		}
		if c.random.IntN(4) > 0 || c.Renews() {
			if _, err := other.Release(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// work reads and writes under the lock, extends it, and gives it back.
func (c contender) work(ctx, working context.Context) error {
	until := c.lab.Now() + c.between(0, c.ttl/30)
	if c.random.Float64() < c.longHolds {
		until = c.lab.Now() + c.between(c.ttl/5, longestHold*c.ttl)
	}
	for {
		if err := c.update(working); err != nil {
			return err
		}
		left := until - c.lab.Now()
		if left <= 0 || ctx.Err() != nil {
			break
		}
		c.pause(ctx, min(left, c.between(c.ttl/20, c.ttl/2)))
		if until-c.lab.Now() > c.ttl/10 {
			if extended, err := c.Extend(working); err != nil || !extended {
				return c.giveBack(working, err)
			}
		}
	}
	return c.giveBack(working, nil)
}

// outlast holds the lock until around its end, and then does what only its owner may: it looks, and writes,
// extends or gives the lock back.
func (c contender) outlast(ctx, working context.Context) error {
	dropped := c.lab.Now() + c.ttl // the nodes were asked for it before now
	c.arena.announce(ending{c.ValidUntil(), dropped})
	if err := c.Read(working); err != nil {
		return err
	}
	at := c.ValidUntil() + c.between(-edge, edge)
	if c.random.IntN(2) == 0 { // somebody else has it by then, or has had it
		at = dropped + c.between(0, c.ttl/10)
	}
	_ = c.lab.SleepUntil(ctx, at)
	switch _, err := c.Check(working); {
	case err != nil:
		return err
	case c.random.IntN(2) == 0:
		extended, err := c.Extend(working)
		if err != nil || !extended {
			return c.giveBack(working, err)
		}
	}
	if _, err := c.Write(working, true); err != nil {
		return err
	}
	return c.giveBack(working, nil)
}

// update reads the resource's counter and writes it, plus one.
func (c contender) update(ctx context.Context) error {
	if err := c.Read(ctx); err != nil {
		return err
	}
	_, err := c.Write(ctx, c.random.Float64() >= careless)
	return err
}

// giveBack releases the lock unless there was an error, which it returns.
func (c contender) giveBack(ctx context.Context, err error) error {
	if err == nil {
		_, err = c.Release(ctx)
	}
	return err
}

func (c contender) between(from, to time.Duration) time.Duration {
	return from + time.Duration(c.random.Int64N(int64(to-from)))
}

// pause lasts until ctx ends at most.
func (c contender) pause(ctx context.Context, d time.Duration) {
	_ = c.lab.SleepUntil(ctx, c.lab.Now()+d)
}
