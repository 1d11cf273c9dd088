package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/clockpage"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

const (
	// replyTimeout bounds the wait for a worker that nothing holds up.
	replyTimeout = 20 * time.Second
	// patience, in TTLs, is how long a client tries to get a lock that it should get.
	patience = 10
	// leastPatience is for how long it does before the experiment, where nothing is measured: with a short TTL, a machine
	// that is busy needs it.
	leastPatience = 10 * time.Second
	// Between two attempts a client rests for a random time in this range.
	minRest, maxRest = 2 * time.Millisecond, 10 * time.Millisecond
)

// Client is a client under test. It performs one operation at a time; all but those of
// [Client.Begin] return when that's done.
type Client struct {
	lab     *Lab
	index   int
	name    string
	process *worker.Process
	list    []int // the nodes that it's told of; guarded by the lab's mu
	random  *rand.Rand
	names   *strings.Replacer // of the nodes, for the addresses by which this client knows them

	page  *clockpage.Page // nil unless its clock can be bent
	clock string          // the page's file; "" without one

	lease      int64         // of the last acquisition
	validUntil time.Duration // as last reported
	refusal    string        // the last one's reason
	stopped    bool          // by SIGSTOP
}

func (l *Lab) newClient(ctx context.Context, index int) (*Client, error) {
	c := &Client{
		lab: l, index: index, name: fmt.Sprintf("client %d", index+1),
		random: rand.New(rand.NewPCG(uint64(l.config.Cluster.Seed), uint64(index))),
	}
	var names []string
	for _, n := range l.cluster.Nodes() {
		names = append(names, c.Link(n.Index()).Addr(), n.Name())
	}
	c.names = strings.NewReplacer(names...)
	c.list = l.firstList(index)
	if l.pages != nil {
		c.clock = filepath.Join(l.pages.Dir(), fmt.Sprint(index+1))
		var err error
		if c.page, err = clockpage.Create(c.clock); err != nil {
			return nil, err
		}
	}
	greeting, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	var err error
	c.process, err = worker.Start(greeting, l.config.Worker, c.config(c.list, nil))
	if err != nil {
		return nil, errors.Join(err, c.closePage())
	}
	if l.config.Lists != nil && index > 0 {
		return c, nil // it may be refused, rightly
	}
	if err := c.warmUp(ctx); err != nil {
		return nil, errors.Join(err, c.process.Close(), c.closePage())
	}
	return c, nil
}

// config tells a worker at the client's place which nodes there are.
func (c *Client) config(list, joining []int) protocol.Config {
	l := c.lab
	config := protocol.Config{
		Client:      c.name,
		Subject:     l.config.Subject.Name,
		Resource:    "http://" + c.Resource().Addr(),
		NodeTimeout: protocol.InMilliseconds(l.config.NodeTimeout),
		TTL:         protocol.InMilliseconds(l.config.TTL),
		Clock:       c.clock,
	}
	config.Nodes, config.Names = c.addresses(list)
	config.Joining, config.JoiningNames = c.addresses(joining)
	return config
}

// addresses are the URLs by which the client reaches nodes, and their names.
func (c *Client) addresses(list []int) (urls, names []string) {
	for _, node := range list {
		urls, names = append(urls, c.Link(node).URL()), append(names, c.lab.cluster.Node(node).Name())
	}
	return urls, names
}

// warmUp takes and releases a lock of the client's own: connections are open then, scripts are
// loaded, and what goes wrong from now on is due to the experiment. It isn't recorded.
func (c *Client) warmUp(ctx context.Context) error {
	name := fmt.Sprintf("warm-up of %s", c.name)
	ask := func(r protocol.Request) (protocol.Reply, error) {
		ctx, cancel := context.WithTimeout(ctx, replyTimeout)
		defer cancel()
		r.Name = name
		return c.process.Do(ctx, r)
	}
	for deadline := c.lab.Now() + max(patience*c.lab.TTL(), leastPatience); ; {
		reply, err := ask(protocol.Request{Op: protocol.Acquire, TTL: protocol.InMilliseconds(c.lab.TTL())})
		if err != nil {
			return err
		}
		if reply.OK {
			_, err = ask(protocol.Request{Op: protocol.Release})
			return err
		}
		if c.lab.Now() > deadline {
			return Spoiled("%s couldn't take a lock on healthy nodes: %s", c.name, reply.Error)
		}
		if err := c.Rest(ctx); err != nil {
			return err
		}
	}
}

// Rest waits for a short random time, as clients do between two attempts.
func (c *Client) Rest(ctx context.Context) error {
	return wait.For(ctx, minRest+time.Duration(c.random.Int64N(int64(maxRest-minRest))))
}

// String is the client's name in reports.
func (c *Client) String() string { return c.name }

// Index is the client's place in the lab, from 0, by which faults name it.
func (c *Client) Index() int { return c.index }

// Link is the network between the client and a node.
func (c *Client) Link(node int) *nemesis.Link { return c.lab.links.Link(c.index, node) }

// Resource is the network between the client and the resource.
func (c *Client) Resource() *nemesis.Link { return c.lab.writeways.Link(c.index, 0) }

// ValidUntil is the instant up to which the client believes in its lock, as it last reported.
func (c *Client) ValidUntil() time.Duration { return c.validUntil }

// Refusal is why the client was last refused something, in its own words.
func (c *Client) Refusal() string { return c.refusal }

// Believes tells whether the client still believes in its lock.
func (c *Client) Believes() bool { return c.lab.Now() < c.validUntil }

// Renews tells whether the client's locks renew themselves.
func (c *Client) Renews() bool { return c.process.Renews() }

// Pause stops the client's process.
func (c *Client) Pause(ctx context.Context) error { return c.witness(c.Stop(ctx)) }

// Stop is Pause for faults, which record what was seen of them.
func (c *Client) Stop(ctx context.Context) (effect.Proof, error) {
	c.stopped = true
	return c.own(cluster.PauseProcess(ctx, c.process.PID()))
}

// Continue is Resume for faults.
func (c *Client) Continue(ctx context.Context) (effect.Proof, error) {
	c.stopped = false
	return c.own(cluster.ResumeProcess(ctx, c.process.PID()))
}

// clockPatience is how long a client has to read its clock, which it does with each operation.
const clockPatience = time.Second

// SetClockRate is for faults. It takes effect when the client next reads its clock, and so it's seen only of a client that
// does something. The error matches [ErrNotApplicable] if the client's program has no clock that can be bent.
func (c *Client) SetClockRate(ctx context.Context, rate float64) (effect.Proof, error) {
	if c.page == nil || !c.process.Bends() {
		return effect.Proof{}, fmt.Errorf("%w: the clock of %s can't be bent", ErrNotApplicable, c)
	}
	proof := effect.Proof{
		Target: c.name, Fault: fmt.Sprintf("counts time at %v times the host's rate", rate), How: "the client's own note of its readings", Began: c.lab.Now(),
		Change: effect.Change{State: effect.Bent, Over: rate == 1, Clients: []int{c.index}, Detail: fmt.Sprintf("runs at %v", rate)},
	}
	before, _, err := c.page.Followed()
	if err == nil {
		err = c.page.Set(c.page.Bend().AtRate(c.lab.Now(), rate))
	}
	if err != nil {
		return effect.Proof{}, err
	}
	proof.Before = fmt.Sprintf("%d readings", before)
	for deadline := c.lab.Now() + clockPatience; ; {
		after, follows, err := c.page.Followed()
		if err != nil {
			return effect.Proof{}, err
		}
		proof.After, proof.Seen = fmt.Sprintf("%d readings, the last at that rate: %v", after, follows), c.lab.Now()
		switch {
		case follows:
			return proof, nil
		case c.lab.Now() > deadline:
			return effect.Proof{}, fmt.Errorf("%w: %v", cluster.ErrNotProven, proof)
		}
		if err := wait.For(ctx, time.Millisecond); err != nil {
			return effect.Proof{}, fmt.Errorf("%w: %v: %w", cluster.ErrNotProven, proof, err)
		}
	}
}

func (c *Client) closePage() error {
	if c.page == nil {
		return nil
	}
	return c.page.Close()
}

// AwaitStopped waits until the client's process has stopped itself.
func (c *Client) AwaitStopped(ctx context.Context) error {
	c.stopped = true
	return c.witness(c.own(cluster.AwaitStopped(ctx, c.process.PID())))
}

// Resume lets the client's process go on. It does nothing if that isn't stopped.
func (c *Client) Resume(ctx context.Context) error {
	if !c.stopped {
		return nil
	}
	return c.witness(c.Continue(ctx))
}

// Outlast waits until the time of the client's lock is over. The time of a lock that renews itself
// is over only if its process stands still, so that's stopped.
func (c *Client) Outlast(ctx context.Context) error {
	if c.Renews() && !c.stopped {
		if err := c.Pause(ctx); err != nil {
			return err
		}
	}
	return c.lab.SleepUntil(ctx, c.validUntil)
}

// own is a proof about the client's process as one about the client.
func (c *Client) own(proof effect.Proof, err error) (effect.Proof, error) {
	if err == nil {
		proof.Target = fmt.Sprintf("%s (%s)", c.name, proof.Target)
		proof.Change.Clients = []int{c.index}
	}
	return proof, err
}

func (c *Client) witness(proof effect.Proof, err error) error {
	if err == nil {
		c.lab.Witness(proof)
	}
	return err
}
