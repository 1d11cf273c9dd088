package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

const (
	// restartPatience, in TTLs, is how long it's tried to start a client anew, and leastRestartPatience how long at least. One whose nodes are down may end
	// again and again.
	restartPatience      = 6
	leastRestartPatience = 10 * time.Second
	// changePatience is how long one attempt to change the nodes may take.
	changePatience = replyTimeout * 3 / 4
	// changeRest is the rest between two attempts.
	changeRest = 100 * time.Millisecond
)

// Joins tells whether the client's lock can take a majority of two lists of nodes.
func (c *Client) Joins() bool { return c.process.Joins() }

// Restart ends the client's process and starts it anew with another list of nodes, and with one that it joins unless that's nil. The client
// must have given its locks back, be doing nothing, and not be stopped. It's tried again where the new process ends at once, for as long
// as ctx goes on. The client is unusable after an error.
func (c *Client) Restart(ctx context.Context, list, joining []int) error {
	began, before := c.lab.Now(), c.process.PID()
	if err := c.process.Close(); err != nil {
		return err
	}
	down := effect.Change{State: effect.Down, Clients: []int{c.index}}
	ended := effect.Proof{
		Target: c.name, Fault: "was ended, to be started anew", How: "its process", Before: fmt.Sprintf("process %d", before), After: "gone",
		Change: down, Began: began, Seen: c.lab.Now(),
	}
	c.lab.Witness(ended)
	place := c.lab.restarting(history.Restart{Client: c.name, Ended: ended.Seen, Nodes: list, Joining: joining})
	c.lease, c.validUntil = 0, 0
	if err := c.startAnew(ctx, list, joining); err != nil {
		return err
	}
	down.Over = true
	c.lab.Witness(effect.Proof{
		Target: c.name, Fault: "was started anew with " + c.lab.listed(list, joining), How: "its answer to the greeting",
		Before: "no process", After: fmt.Sprintf("process %d", c.process.PID()), Change: down, Began: ended.Seen, Seen: c.lab.Now(),
	})
	c.lab.mu.Lock()
	defer c.lab.mu.Unlock()
	c.list = list
	c.lab.record.Restarts[place].Began = c.lab.Now()
	return nil
}

func (c *Client) startAnew(ctx context.Context, list, joining []int) error {
	working := context.WithoutCancel(ctx) // a greeting isn't cut short
	for deadline := c.lab.Now() + max(restartPatience*c.lab.TTL(), leastRestartPatience); ; {
		greeting, cancel := context.WithTimeout(working, replyTimeout)
		next, err := c.process.Restart(greeting, c.lab.config.Worker, c.config(list, joining))
		cancel()
		if err == nil {
			c.process = next
			return nil
		}
		if c.lab.Now() > deadline {
			return err
		}
		if err := wait.For(ctx, changeRest); err != nil {
			return err
		}
	}
}

// listed names the nodes of a list, and of the one that's joined.
func (l *Lab) listed(list, joining []int) string {
	text := "the nodes " + nodeNames(list)
	if joining != nil {
		text += ", joining " + nodeNames(joining)
	}
	return text
}

func nodeNames(list []int) string {
	names := make([]string, len(list))
	for i, node := range list {
		names[i] = effect.NodeName(node)
	}
	return strings.Join(names, ",")
}

func (l *Lab) restarting(r history.Restart) (place int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.Restarts = append(l.record.Restarts, r)
	return len(l.record.Restarts) - 1
}

// Replacing records that all clients are to have another list of nodes. The function that it returns updates the record.
func (l *Lab) Replacing(r history.Replacement) (update func(func(*history.Replacement))) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record.Replacements = append(l.record.Replacements, r)
	place := len(l.record.Replacements) - 1
	return func(set func(*history.Replacement)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		set(&l.record.Replacements[place])
	}
}

// Move makes the nodes vote for another list, as an operator does it at this client's place in the network, in a process of its own. It goes on until
// that's done or ctx ends, and records it. Gone are the nodes that won't answer again.
func (c *Client) Move(ctx context.Context, from, to, gone []int) error {
	var (
		began   = c.lab.Now()
		names   []string
		refused = "not asked before"
		tries   = 0
	)
	for _, node := range gone {
		names = append(names, c.lab.cluster.Node(node).Name())
	}
	for {
		reply, err := c.moveOnce(ctx, from, to, names)
		tries++
		switch {
		case err == nil && reply.OK:
			c.lab.Witness(effect.Proof{
				Target: "the nodes", Fault: fmt.Sprintf("vote for %s instead of %s", nodeNames(to), nodeNames(from)), How: "the operator's change, which all of them confirmed",
				Before: refused, After: fmt.Sprintf("done at attempt %d", tries), Began: began, Seen: c.lab.Now(),
			})
			return nil
		case err == nil:
			refused = "refused: " + c.names.Replace(strings.ReplaceAll(reply.Error, "\n", "; "))
		case !errors.Is(err, worker.ErrWorker):
			return err
		case ctx.Err() == nil:
			refused = err.Error() // the operator begins anew
		}
		if err := wait.For(ctx, changeRest); err != nil {
			c.lab.Note("the operator didn't get the nodes to vote for %s instead of %s in %d attempts; the last was %s", nodeNames(to), nodeNames(from), tries, refused)
			return err
		}
	}
}

func (c *Client) moveOnce(ctx context.Context, from, to []int, gone []string) (reply protocol.Reply, err error) {
	working, cancel := context.WithTimeout(context.WithoutCancel(ctx), replyTimeout)
	defer cancel()
	config := c.config(from, to)
	config.Client, config.Clock = "operator", ""
	operator, err := worker.Start(working, c.lab.config.Worker, config)
	if err != nil {
		return reply, err
	}
	defer func() { err = errors.Join(err, operator.Close()) }()
	call, err := operator.Begin(protocol.Request{Op: protocol.Change, Gone: gone, CancelAfter: protocol.InMilliseconds(changePatience)})
	if err != nil {
		return reply, err
	}
	return call.Wait(ctx) // a change may be broken off, and goes on when it's asked for again
}
