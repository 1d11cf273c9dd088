package scenario

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var pauseInFlight = Scenario{
	Name:   "pause-in-flight",
	About:  "a client's process stops while the replies that grant the lock are on their way to it",
	Cause:  "client 1 was stopped until the replies that granted its lock were out of date, and trusted them all the same",
	Source: "M. Kleppmann, \"How to do distributed locking\" (2016), second example, https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html",
	Steps: []string{
		"client 1 asks for the lock; all nodes grant it, and the replies are held in the network",
		"client 1's process is stopped, and the replies are delivered to it",
		"the time of client 1's lock runs out, and client 2 acquires the lock",
		"client 1's process goes on and finds the replies",
	},
	Clients:  2,
	MinNodes: 1,
	Patient:  true,
	Breaks:   subject.TermFromReply | subject.LateReplies,
	Perform: func(ctx context.Context, l *lab.Lab) error {
		paused, other := l.Clients()[0], l.Clients()[1]
		asked, err := pauseInMidAcquire(ctx, l, paused)
		if err != nil {
			return err
		}
		if err := acquireAndRead(ctx, other); err != nil {
			return err
		}
		if err := paused.Resume(ctx); err != nil {
			return err
		}
		reply, err := asked.Wait(ctx)
		if err != nil {
			return err
		}
		if reply.Returned >= other.ValidUntil() {
			return lab.Spoiled("the lock of %v was over before %v had its answer", other, paused)
		}
		if !reply.OK || !paused.Believes() {
			l.Note("%v didn't believe the replies", paused)
			return nil
		}
		l.Note("%v believed the replies, while %v believed that it had the lock", paused, other)
		if err := readAndWrite(ctx, paused); err != nil {
			return err
		}
		_, err = other.Write(ctx, true)
		return err
	},
}

// pauseInMidAcquire returns when the client is stopped, with the replies to its request already
// in its sockets.
func pauseInMidAcquire(ctx context.Context, l *lab.Lab, c *lab.Client) (*lab.Pending, error) {
	for _, i := range l.Used() {
		link := c.Link(i)
		// Not before this very request, so that replies to something else still get through.
		link.When(nemesis.Requests, lab.LockName, func() { link.Hold(nemesis.Replies) })
	}
	asked, err := c.Begin(protocol.Request{Op: protocol.Acquire})
	if err != nil {
		return nil, err
	}
	for _, i := range l.Used() {
		if err := awaitHeld(ctx, c.Link(i), nemesis.Replies); err != nil {
			return nil, err
		}
	}
	granted, err := owners(ctx, l, l.Used())
	if err != nil {
		return nil, err
	}
	l.Note("all nodes have answered %v, the replies are held: %s", c, granted)
	if err := c.Pause(ctx); err != nil {
		return nil, err
	}
	for _, i := range l.Used() {
		link := c.Link(i)
		link.Pass(nemesis.Replies)
		if err := awaitDelivered(ctx, link, nemesis.Replies); err != nil {
			return nil, err
		}
	}
	l.Note("the replies were delivered to %v, which is stopped", c)
	return asked, nil
}

// linkTimeout bounds the wait for something to happen on a link.
const linkTimeout = 5 * time.Second

// awaitHeld waits until the proxy holds a message.
func awaitHeld(ctx context.Context, link *nemesis.Link, d nemesis.Direction) error {
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	if err := link.WaitHeld(ctx, d, 1); err != nil {
		return lab.Spoiled("%w", err)
	}
	return nil
}

// awaitDelivered waits until the proxy holds nothing any more.
func awaitDelivered(ctx context.Context, link *nemesis.Link, d nemesis.Direction) error {
	for deadline := time.Now().Add(linkTimeout); ; time.Sleep(time.Millisecond) {
		held := link.Stats(d).Held.Messages
		if held == 0 {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return lab.Spoiled("%v still holds %d %s after %v", link, held, d, linkTimeout)
		}
	}
}
