package scenario

import (
	"context"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var orphan = Scenario{
	Name:   "orphan",
	About:  "requests for a lock arrive after the client has given up on them, or has given the lock back",
	Source: "S. Sanfilippo, \"Is Redlock safe?\" (2016), http://antirez.com/news/101, asks to release on all nodes; that's no use before the request is there",
	Steps: []string{
		"client 1 asks for the lock, and the network is slow with just these requests",
		"client 1 gives up and cleans up; if it got the lock by trying again, it gives it back",
		"the slow requests arrive",
		"client 2 must get the lock, which nobody holds, within half a TTL",
	},
	Clients:  2,
	MinNodes: 1,
	Demands:  true,
	Denies:   subject.LateRequests,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		slow, other := l.Clients()[0], l.Clients()[1]
		if err := overtakeSlowRequests(ctx, l, slow); err != nil {
			return err
		}
		for _, i := range l.Used() {
			if err := awaitDelivered(ctx, slow.Link(i), nemesis.Requests); err != nil {
				return err
			}
		}
		left, err := owners(ctx, l, l.Used())
		if err != nil {
			return err
		}
		l.Note("the slow requests have arrived: %s", left)
		return demandAcquire(ctx, l, other)
	},
}

// overtakeSlowRequests returns when the client no longer wants the lock, with its first requests
// still on their way unless it waited for them.
func overtakeSlowRequests(ctx context.Context, l *lab.Lab, c *lab.Client) error {
	for _, i := range l.Used() {
		link := c.Link(i)
		link.When(nemesis.Requests, lab.LockName, func() { link.Delay(nemesis.Requests, l.TTL()/2, 0) })
	}
	began := l.Now()
	asked, err := c.Begin(protocol.Request{Op: protocol.Acquire})
	if err != nil {
		return err
	}
	for _, i := range l.Used() {
		if err := awaitHeld(ctx, c.Link(i), nemesis.Requests); err != nil {
			return err
		}
		// What follows on another connection overtakes it.
		c.Link(i).Delay(nemesis.Requests, 0, 0)
	}
	l.Note("the requests of %v for the lock are delayed by %v", c, l.TTL()/2)
	reply, err := asked.Wait(ctx)
	if err != nil {
		return err
	}
	if !reply.OK {
		l.Note("%v gave up after %v: %s", c, l.Now()-began, reply.Error)
		return nil
	}
	_, err = c.Release(ctx)
	l.Note("%v got the lock after %v, and gave it back", c, reply.Returned-began)
	return err
}
