package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// Pending is an operation under way.
type Pending struct {
	client *Client
	call   *worker.Call
	place  int // in the record
}

// Begin starts an operation on the experiment's lock and doesn't wait for its end.
func (c *Client) Begin(r protocol.Request) (*Pending, error) {
	r.Name = LockName
	if r.Op == protocol.Acquire {
		r.TTL = protocol.InMilliseconds(c.lab.TTL())
	}
	call, err := c.process.Begin(r)
	if err != nil {
		return nil, err
	}
	if r.Op == protocol.Acquire {
		c.lease, c.validUntil = call.Request.ID, 0
	}
	return &Pending{c, call, c.lab.begun(c.name, c.lease, call)}, nil
}

// Wait waits for the operation's end and completes the record of it.
func (p *Pending) Wait(ctx context.Context) (protocol.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	reply, err := p.call.Wait(ctx)
	if err != nil {
		return reply, err
	}
	reply.Error = p.client.names.Replace(reply.Error)
	p.client.lab.ended(p.place, p.call, reply)
	p.client.validUntil = reply.ValidUntil
	if !reply.OK {
		p.client.refusal = strings.ReplaceAll(reply.Error, "\n", "; ")
	}
	return reply, nil
}

func (c *Client) do(ctx context.Context, r protocol.Request) (protocol.Reply, error) {
	pending, err := c.Begin(r)
	if err != nil {
		return protocol.Reply{}, err
	}
	return pending.Wait(ctx)
}

// TryAcquire makes one attempt to take the lock, and tells whether it succeeded.
func (c *Client) TryAcquire(ctx context.Context) (bool, error) {
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Acquire})
	return reply.OK, err
}

// TryAcquireFor makes one attempt to take the lock, which is cancelled after the given time, and
// tells whether it succeeded.
func (c *Client) TryAcquireFor(ctx context.Context, d time.Duration) (bool, error) {
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Acquire, CancelAfter: protocol.InMilliseconds(d)})
	return reply.OK, err
}

// Contend attempts to take the lock until it succeeds or the given instant has come. It returns
// how many attempts that it began before that instant were refused.
func (c *Client) Contend(ctx context.Context, until time.Duration) (acquired bool, refused int, err error) {
	for c.lab.Now() < until {
		acquired, err = c.TryAcquire(ctx)
		if err != nil || acquired {
			return acquired, refused, err
		}
		refused++
		if err := c.Rest(ctx); err != nil {
			return false, refused, err
		}
	}
	return false, refused, nil
}

// Await waits for the lock in the way of its library, at most until the given instant, and tells whether the client got it. A lock that
// can't be waited for is asked for again and again, with short rests.
func (c *Client) Await(ctx context.Context, until time.Duration) (bool, error) {
	if !c.process.Waits() {
		acquired, _, err := c.Contend(ctx, until)
		return acquired, err
	}
	left := protocol.InMilliseconds(until - c.lab.Now())
	if left <= 0 {
		return false, nil
	}
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Acquire, Wait: true, CancelAfter: left})
	return reply.OK, err
}

// Acquire takes the lock, which it should be able to get soon. The error matches [ErrSpoiled] if it isn't.
func (c *Client) Acquire(ctx context.Context) error {
	acquired, refused, err := c.Contend(ctx, c.lab.Now()+patience*c.lab.TTL())
	if err != nil {
		return err
	}
	if !acquired {
		return Spoiled("%s didn't get the lock in %d attempts, the last error was: %s", c, refused, c.refusal)
	}
	belief := "doesn't believe in it"
	if left := c.validUntil - c.lab.Now(); left > 0 {
		belief = fmt.Sprintf("believes in it for another %v", left.Round(time.Millisecond))
	}
	c.lab.Note("%s acquired the lock, after %d refusals, and %s", c, refused, belief)
	return nil
}

// Extend gives the lock its full time again, and tells whether that was granted.
func (c *Client) Extend(ctx context.Context) (bool, error) {
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Extend})
	return reply.OK, err
}

// Check has the client look whether it may still trust its lock.
func (c *Client) Check(ctx context.Context) (bool, error) {
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Check})
	return reply.OK, err
}

// Suspend stops the client's process, and lets the client take that for a suspension of its machine:
// Go's own clock stands still there, other than the boot clock. It returns when the process is stopped;
// once it's resumed, the client looks whether it may still trust its lock. The error matches
// [ErrNotApplicable] if the client can't do that.
func (c *Client) Suspend(ctx context.Context) (*Pending, error) {
	if !c.process.Suspends() {
		return nil, fmt.Errorf("%w: no machine can be suspended in an experiment, and the program of %s can't act as if it had been", ErrNotApplicable, c)
	}
	look, err := c.Begin(protocol.Request{Op: protocol.Check, Suspend: true})
	if err != nil {
		return nil, err
	}
	return look, c.AwaitStopped(ctx)
}

// Release gives the lock back, and tells whether the nodes agreed that it was held.
func (c *Client) Release(ctx context.Context) (bool, error) {
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Release})
	return reply.OK, err
}

// Read fetches the resource's counters.
func (c *Client) Read(ctx context.Context) error {
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Read})
	if err == nil && !reply.OK {
		err = errors.New("lab: " + c.name + " couldn't read the resource: " + reply.Error)
	}
	return err
}

// Write stores the counters that the client read last, plus one. With recheck it looks at its lock
// right before; false means that it found it no longer valid and didn't write.
func (c *Client) Write(ctx context.Context, recheck bool) (bool, error) {
	reply, err := c.do(ctx, protocol.Request{Op: protocol.Write, Recheck: recheck})
	return reply.OK, err
}
