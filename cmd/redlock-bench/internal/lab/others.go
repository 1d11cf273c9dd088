package lab

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// Other is a lock besides the experiment's own that a client may have at the same time.
type Other struct {
	client *Client
	name   string
	lease  int64 // of the last acquisition
}

// Other returns the lock of this name, which mustn't be [LockName].
func (c *Client) Other(name string) *Other { return &Other{client: c, name: name} }

// TryAcquire makes one attempt to take the lock, and tells whether it succeeded.
func (o *Other) TryAcquire(ctx context.Context) (bool, error) {
	return o.do(ctx, protocol.Request{Op: protocol.Acquire, TTL: protocol.InMilliseconds(o.client.lab.TTL())})
}

// Extend gives the lock its full time again, and tells whether that was granted.
func (o *Other) Extend(ctx context.Context) (bool, error) {
	return o.do(ctx, protocol.Request{Op: protocol.Extend})
}

// Check has the client look whether it may still trust this lock.
func (o *Other) Check(ctx context.Context) (bool, error) {
	return o.do(ctx, protocol.Request{Op: protocol.Check})
}

// Release gives the lock back, and tells whether the nodes agreed that it was held.
func (o *Other) Release(ctx context.Context) (bool, error) {
	return o.do(ctx, protocol.Request{Op: protocol.Release})
}

func (o *Other) do(ctx context.Context, r protocol.Request) (bool, error) {
	r.Name = o.name
	call, err := o.client.process.Begin(r)
	if err != nil {
		return false, err
	}
	if r.Op == protocol.Acquire {
		o.lease = call.Request.ID
	}
	place := o.client.lab.begun(o.client.name, o.lease, call)
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	reply, err := call.Wait(ctx)
	if err != nil {
		return false, err
	}
	reply.Error = o.client.names.Replace(reply.Error)
	o.client.lab.ended(place, call, reply)
	return reply.OK, nil
}
