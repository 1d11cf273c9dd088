package sim

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/a5bbb083/redlock/redlock"
)

// The names that the shapes of lock are taken under. Each but the last one stands for itself.
const (
	office = "office"
	pool   = "pool"
	slots  = 2
)

// longestKept is the longest AtLeast and MaxHold that a client asks for.
const longestKept = 2 * MaxTTL

// NewShapesPlan is NewPlan with clients that take the shapes of lock that are built on the plain one: several at once,
// leadership, slots of a semaphore, locks that are kept for a while and locks that end after a while.
func NewShapesPlan(seed uint64) *Plan {
	p := NewPlan(seed)
	p.Shapes = true
	p.Names = []string{"job", "mail", office}
	for slot := range slots {
		p.Names = append(p.Names, slotName(slot))
	}
	return p
}

func slotName(slot int) string { return fmt.Sprintf("%s:slot:%d", pool, slot+1) }

// shape takes one of the shapes of lock.
func (c *client) shape(w wish) {
	shapes := []func(context.Context, wish){c.all, c.all, c.lead, c.lead, c.slot, c.keepOut, c.forget}
	ctx, cancel := context.WithTimeout(c.alive, c.between(NodeTimeout, 3*MaxTTL))
	defer cancel()
	shapes[c.rand.IntN(len(shapes))](ctx, w)
}

// all takes several locks at once, in any order and some of them twice.
func (c *client) all(ctx context.Context, w wish) {
	h := c.world.history
	names := []string{"job", "mail", w.name}
	c.rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	known := map[string]int64{}
	for _, name := range names {
		known[name] = h.known(name)
	}
	h.note("client %s: all of %q", c.name, names)
	err := c.locker.DoAll(ctx, names, func(ctx context.Context, ls *redlock.Locks) error {
		for _, name := range ls.Names() {
			h.acquired(c.name, ls.Lock(name), known[name])
		}
		for range c.rand.IntN(8) {
			c.sleep(w.ttl / 2)
			h.together(c.name, ctx, ls)
		}
		return nil
	}, redlock.TTL(w.ttl))
	h.note("client %s: all of %q: %s", c.name, names, reason(err))
}

// lead stands for an office, and holds it until it's lost, or for a while. A leader doesn't always stop at once.
func (c *client) lead(ctx context.Context, w wish) {
	h := c.world.history
	process, terms := c.name, atomic.Int32{}
	known := h.known(office)
	h.note("client %s: stands for %q", process, office)
	err := c.locker.Lead(ctx, office, func(ctx context.Context, lk *redlock.Lock) error {
		h.acquired(process, lk, known)
		if n := terms.Add(1); n > 1 {
			h.flag("leadership: client %s has %d terms at once", process, n)
		}
		defer terms.Add(-1)
		defer h.inOffice(process, ctx, lk)()
		resigns := c.rand.IntN(2) == 0
		for ctx.Err() == nil && c.alive.Err() == nil { // a process that was killed sleeps no more, and its ctx may hear of it late
			c.sleep(w.ttl / 2)
			h.note("client %s: leads", process)
			if resigns && c.rand.IntN(4) == 0 {
				break
			}
		}
		c.sleep(w.ttl / 2)
		known = h.known(office) // the next term begins after this one
		return nil
	}, redlock.TTL(w.ttl))
	if terms.Load() > 0 {
		h.flag("leadership: Lead of client %s has returned in the midst of a term", process)
	}
	h.note("client %s: left %q: %s", process, office, reason(err))
}

// slot takes one of few.
func (c *client) slot(ctx context.Context, w wish) {
	h := c.world.history
	known := map[string]int64{}
	for slot := range slots {
		known[slotName(slot)] = h.known(slotName(slot))
	}
	h.note("client %s: a slot of %q", c.name, pool)
	take := c.locker.TrySlot
	if c.rand.IntN(2) == 0 {
		take = c.locker.LockSlot
	}
	lk, err := take(ctx, pool, slots, redlock.TTL(w.ttl), redlock.AutoRenew(w.renew))
	if err != nil {
		h.note("client %s: no slot of %q: %s", c.name, pool, reason(err))
		return
	}
	if _, ok := known[lk.Name()]; !ok {
		h.flag("slots: client %s got %q of %d slots", c.name, lk.Name(), slots)
	}
	h.acquired(c.name, lk, known[lk.Name()])
	c.hold(lk, w)
}

// keepOut works for a moment, and has others kept out for longer.
func (c *client) keepOut(ctx context.Context, w wish) {
	h := c.world.history
	known, atLeast := h.known(w.name), c.between(w.ttl/4, longestKept)
	h.note("client %s: %q for %v at least", c.name, w.name, atLeast)
	lk, err := c.locker.Lock(ctx, w.name, redlock.TTL(w.ttl), redlock.AtLeast(atLeast))
	if err != nil {
		h.note("client %s: %q refused: %s", c.name, w.name, reason(err))
		return
	}
	h.acquired(c.name, lk, known)
	until := h.fromNow(atLeast)
	c.sleep(w.ttl / 2)
	err = lk.Unlock(c.alive)
	if err == nil && (atLeast <= MaxTTL || !c.world.plan.Forgetful) { // voters that have all forgotten wait for MaxTTL
		h.kept(lk, until)
	}
	h.note("client %s: has %q kept: %s", c.name, w.name, reason(err))
}

// forget takes a lock that has an end, and does nothing about it any more.
func (c *client) forget(ctx context.Context, w wish) {
	h := c.world.history
	known, most := h.known(w.name), c.between(w.ttl/4, longestKept)
	h.note("client %s: %q for %v at most", c.name, w.name, most)
	lk, err := c.locker.Lock(ctx, w.name, redlock.TTL(w.ttl), redlock.AutoRenew(true), redlock.MaxHold(most))
	if err != nil {
		h.note("client %s: %q refused: %s", c.name, w.name, reason(err))
		return
	}
	h.acquired(c.name, lk, known)
	h.ends(lk, most)
}

// mustLockAll takes all the names within the bound for a healthy majority, in an order of its own.
func (c *client) mustLockAll(names []string) {
	ctx, cancel := context.WithTimeout(c.alive, c.world.plan.recovery())
	defer cancel()
	ls, err := c.locker.LockAll(ctx, names)
	if err != nil {
		c.world.history.flag("recovery: client %s can't lock all of %q within %v after the faults: %v", c.name, names, c.world.plan.recovery(), err)
		return
	}
	c.sleep(time.Millisecond)
	if err := ls.Unlock(c.alive); err != nil {
		c.world.history.flag("recovery: client %s can't unlock all of %q: %v", c.name, names, err)
	}
}

// isSlot reports whether a name is one of the semaphore's, in or out of its range.
func isSlot(name string) bool { return strings.HasPrefix(name, pool+":slot:") }
