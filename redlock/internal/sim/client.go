package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// client is a program that takes locks. It runs as one process after the other: a process
// that is killed is followed by one on a new machine, so that what the old one has sent can
// still be on its way.
type client struct {
	world *world
	index int
	name  string // of the process
	born  int    // processes so far

	rand   *rand.Rand
	locker *redlock.Locker
	voters []int // the locker's, in its order
	alive  context.Context

	mu     sync.Mutex    // guards what follows: faults need it, too
	delay  time.Duration // of the process's messages, either way
	member *redlocktest.Member
	die    context.CancelFunc

	list     list          // which voters the process goes by
	operates time.Duration // for how long at most it tries to change them
}

func newClient(w *world, index int) *client {
	c := &client{world: w, index: index, list: w.firstList(index)}
	c.start()
	return c
}

// start begins a new process.
func (c *client) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.born++
	c.name = fmt.Sprintf("%d.%d", c.index, c.born)
	c.rand = c.world.seeded(c.name)
	c.member = c.world.member(c.name)
	if c.index < len(c.world.plan.CutOff) && !c.world.over() && c.operates == 0 { // a change needs all voters
		for _, n := range c.world.plan.CutOff[c.index] {
			c.member.Link(n).Cut()
		}
	}
	c.applyDelay()
	c.alive, c.die = context.WithCancel(context.Background())
	own, joining := c.enlist()
	off := c.between(-c.world.plan.WallSkew, c.world.plan.WallSkew)
	opts := []redlock.Option{
		redlock.WithTTL(MaxTTL), redlock.WithNodeTimeout(NodeTimeout), redlock.WithDriftFactor(DriftFactor),
		redlock.WithMaxClockError(MaxClockError),
		redlock.WithClock(c.member.Clock()), redlock.WithHooks(redlock.Hooks{Start: c.inOrder, Done: c.done(c.name, c.voters)}),
	}
	opts = append(opts, joining...)
	if c.world.plan.Durable {
		opts = append(opts, redlock.WithDurableNodes())
	}
	random := c.world.seeded(c.name + " locker")
	locker, err := c.world.open(own, Sources{
		Token: func() (uint64, uint64) {
			hi, lo := random.Uint64(), random.Uint64()
			c.world.history.begin(c.name, hi, lo)
			return hi, lo
		},
		Jitter: random.Int64N,
		Wall:   func() time.Time { return c.world.wall(off) },
	}, opts...)
	if err != nil {
		panic(err) // the options above are valid
	}
	c.locker = locker
	if c.operates > 0 {
		c.change(c.operates)
		c.operates = 0
	}
}

// kill ends the process as SIGKILL does: its sockets are closed, and what they had taken is
// still delivered. They go one after the other, a moment apart, and the rest of the process
// after them, since the order of what happens in one instant is the scheduler's.
func (c *client) kill() {
	c.mu.Lock()
	member, die := c.member, c.die
	c.mu.Unlock()
	c.world.history.died(member.Name())
	for _, conn := range member.Clients() {
		_ = conn.Close() // an error means that it was closed before
		time.Sleep(time.Microsecond)
	}
	die()
}

// replace kills the process, and makes the next one slow.
func (c *client) replace(delay time.Duration) {
	c.mu.Lock()
	c.delay = delay
	c.mu.Unlock()
	c.kill()
}

// slowDown delays the messages of the present process, and of those that follow.
func (c *client) slowDown(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay = delay
	c.applyDelay()
}

// applyDelay is called with mu.
func (c *client) applyDelay() {
	for n := range c.world.plan.Nodes {
		c.member.Link(n).Delay(c.delay, c.delay)
	}
}

// machine returns where the present process runs.
func (c *client) machine() *redlocktest.Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.member
}

// shutDown ends the process's goroutines.
func (c *client) shutDown() {
	_ = c.locker.Close() // doesn't own its clients, so it can't fail
	c.die()
}

// run lives one process after the other until the faults end.
func (c *client) run() {
	for {
		for c.alive.Err() == nil && !c.world.over() {
			c.sleep(MaxTTL / 4)
			c.step()
		}
		if c.alive.Err() == nil {
			return
		}
		c.shutDown()
		c.start()
	}
}

func (c *client) between(least, most time.Duration) time.Duration {
	return least + time.Duration(c.rand.Int64N(int64(most-least)+1))
}

// sleep rests for a random time, but not beyond the end of the process.
func (c *client) sleep(most time.Duration) {
	timer := time.NewTimer(c.between(1, most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.alive.Done():
	}
}

// wish is a lock that a client wants.
type wish struct {
	name  string
	ttl   time.Duration
	renew bool
}

// step takes a lock in one of the ways that there are.
func (c *client) step() {
	w := wish{
		name:  c.anyName(),
		ttl:   MaxTTL >> c.rand.IntN(3),
		renew: c.rand.IntN(4) == 0,
	}
	if c.world.plan.Shapes {
		c.shape(w)
		return
	}
	switch c.rand.IntN(8) {
	case 0, 1, 2:
		c.take(c.alive, "try", w, c.locker.TryLock)
	case 3:
		c.do(w)
	default:
		ctx, cancel := context.WithTimeout(c.alive, c.between(NodeTimeout, MaxTTL/2))
		defer cancel()
		c.take(ctx, "lock", w, c.locker.Lock)
	}
}

type acquire func(context.Context, string, ...redlock.LockOption) (*redlock.Lock, error)

func (c *client) take(ctx context.Context, how string, w wish, by acquire) {
	h := c.world.history
	known := h.known(w.name)
	h.note("client %s: %s %q", c.name, how, w.name)
	lk, err := by(ctx, w.name, redlock.TTL(w.ttl), redlock.AutoRenew(w.renew))
	if err != nil {
		h.note("client %s: %q refused: %s", c.name, w.name, reason(err))
		return
	}
	h.acquired(c.name, lk, known)
	c.hold(lk, w)
}

// hold does what holders do, and at last releases the lock or doesn't.
func (c *client) hold(lk *redlock.Lock, w wish) {
	for range c.rand.IntN(3) {
		c.sleep(w.ttl)
		if c.rand.IntN(2) == 0 {
			c.extend(lk)
		}
	}
	if !w.renew && c.rand.IntN(4) == 0 {
		return // it stops here, and its lock runs out
	}
	c.unlock(lk)
}

func (c *client) extend(lk *redlock.Lock) {
	if c.world.plan.Stopping && c.rand.IntN(8) == 0 {
		defer c.stopMeanwhile(c.between(time.Millisecond, MaxTTL))()
	}
	if err := lk.Extend(c.alive); err != nil { // a success was observed
		c.world.history.note("client %s: not extended %q: %s", c.name, lk.Name(), reason(err))
	}
}

// stopMeanwhile stops all clients while the replies to this one are on their way. The function
// that it returns waits until that has happened.
func (c *client) stopMeanwhile(d time.Duration) (wait func()) {
	var links []*redlocktest.Link
	for n := range c.world.plan.Nodes {
		links = append(links, c.machine().Link(n))
	}
	forEach(links, (*redlocktest.Link).HoldReplies)
	var stop sync.WaitGroup
	stop.Go(func() {
		time.Sleep(NodeTimeout * 9 / 10)
		c.world.history.note("client %s: stopped with all others for %v", c.name, d)
		c.world.stop(d)
		forEach(links, heal)
	})
	return stop.Wait
}

func (c *client) unlock(lk *redlock.Lock) {
	c.world.history.note("client %s: unlock %q", c.name, lk.Name())
	err := lk.Unlock(c.alive)
	c.world.history.note("client %s: unlocked %q: %s", c.name, lk.Name(), reason(err))
}

// do works under the lock as most programs will.
func (c *client) do(w wish) {
	h := c.world.history
	known := h.known(w.name)
	ctx, cancel := context.WithTimeout(c.alive, c.between(NodeTimeout, 2*MaxTTL))
	defer cancel()
	h.note("client %s: do %q", c.name, w.name)
	err := c.locker.Do(ctx, w.name, func(_ context.Context, lk *redlock.Lock) error {
		h.acquired(c.name, lk, known)
		c.sleep(2 * w.ttl)
		return nil
	}, redlock.TTL(w.ttl))
	h.note("client %s: did %q: %s", c.name, w.name, reason(err))
}

// mustLock takes the lock within the bound for a healthy majority.
func (c *client) mustLock(name string) {
	ctx, cancel := context.WithTimeout(c.alive, c.world.plan.recovery())
	defer cancel()
	h := c.world.history
	known, begun := h.known(name), h.now()
	lk, err := c.locker.Lock(ctx, name)
	if err != nil {
		h.violation("recovery: client %s can't lock %q within %v after the faults: %v", c.name, name, h.now()-begun, err)
		return
	}
	h.acquired(c.name, lk, known)
	c.unlock(lk)
}

// snatch makes one attempt and lets go at once.
func (c *client) snatch(name string) {
	known := c.world.history.known(name)
	if lk, err := c.locker.TryLock(c.alive, name); err == nil {
		c.world.history.acquired(c.name, lk, known)
		c.unlock(lk)
	}
}

// loseSomething loses one message to or from a voter, as often as not.
func (c *client) loseSomething() {
	l := c.machine().Link(c.rand.IntN(c.world.plan.Nodes))
	l.DropRequests(c.rand.IntN(2))
	l.DropReplies(c.rand.IntN(2))
}

// inOrder has locks that are released or extended at once go by their names, a nanosecond apart: which of several goroutines
// goes first in one instant is the scheduler's.
func (c *client) inOrder(_ context.Context, op redlock.Op) context.Context {
	if op.Kind == "release" || op.Kind == "extend" {
		time.Sleep(time.Duration(slices.Index(c.world.plan.Names, op.Name)))
	}
	return nil
}

// done notes that a lock may be valid for longer now, or which clocks are taken for wrong. What a
// process renewed may be told when the next one has taken its place.
func (c *client) done(process string, voters []int) func(context.Context, redlock.Event) {
	return func(_ context.Context, e redlock.Event) {
		if e.Kind == "extend" && e.Err == nil {
			c.world.history.note("client %s: extended %q", process, e.Name)
		}
		c.world.history.checkBlame(process, voters, e.Err)
	}
}
