package sim

import (
	"math"
	"slices"
	"time"
)

// planSteps steps the clocks that aren't wrong, as time servers do. Each stays so close to the
// right time that, together with its rate, it uses up nearly all that a lock allows for.
func (p *planner) planSteps() {
	room := DriftFactor*15/16 - math.Abs(p.Rate-1)
	most := min(time.Duration(float64(MaxTTL)*room)/2, rightness) // off by so much, either way
	off := make([]time.Duration, p.Nodes)
	moments := make([]time.Duration, p.rand.IntN(20))
	for i := range moments {
		moments[i] = p.moment()
	}
	slices.Sort(moments)
	for _, at := range moments {
		n := p.rand.IntN(p.Nodes)
		if p.isWrong(n) {
			continue
		}
		to := p.between(-most, most)
		by := to - off[n]
		off[n] = to
		p.add(at, func(w *world) { w.quorum.Node(n).Jump(by) }, "step the clock of voter %d by %v", n, by)
	}
}

func (p *Plan) isWrong(node int) bool {
	for _, n := range p.Wrong {
		if n == node {
			return true
		}
	}
	return false
}

// planWrongClocks breaks the clocks of the voters in Wrong: each by itself, or all in the same
// way, as a time server that they share would.
func (p *planner) planWrongClocks() {
	if len(p.Wrong) == 0 {
		return
	}
	groups := [][]int{p.Wrong}
	if p.rand.IntN(2) == 0 {
		groups = nil
		for _, n := range p.Wrong {
			groups = append(groups, []int{n})
		}
	}
	for _, nodes := range groups {
		c := &wrongClock{planner: p, nodes: nodes}
		for at := p.between(0, 2*MaxTTL); at < p.Length; at += p.between(0, MaxTTL) {
			at = c.fault(at)
		}
	}
}

// wrongClock plans what happens to the clocks of some voters, one after the other. See the
// package's documentation for the rules.
type wrongClock struct {
	*planner
	nodes []int
	off   time.Duration
	// Where it has been. A jump leads out of this, so that whoever has looked before sees it: a
	// jump there and back between two looks is beyond every guard.
	lowest, highest time.Duration
}

// fault plans one fault that begins at the given time, and returns when it has ended.
func (c *wrongClock) fault(at time.Duration) time.Duration {
	by := c.between(Visible, 2*MaxTTL)
	switch c.rand.IntN(6) {
	case 0, 1:
		c.jump(at, max(by, c.highest-c.off+Visible))
	case 2:
		c.jump(at, -max(by, c.off-c.lowest+Visible))
	case 3, 4: // there and back
		by = max(by, c.off-c.lowest+Visible)
		c.jump(at, -by)
		at += c.between(time.Millisecond, MaxTTL/2)
		c.jump(at, by)
	default:
		return c.wrongRate(at)
	}
	return at
}

func (c *wrongClock) jump(at, by time.Duration) {
	c.moved(by)
	c.setBack += max(-by, 0)
	for _, n := range c.nodes {
		c.add(at, func(w *world) { w.quorum.Node(n).Jump(by) }, "jump the clock of voter %d by %v", n, by)
	}
	if c.rand.IntN(2) == 0 { // somebody comes who hasn't seen it
		c.kill(at + c.between(0, MaxTTL/4))
	}
}

// wrongRate lets the clocks run too slowly, or jump ahead and then run too fast.
func (c *wrongClock) wrongRate(at time.Duration) time.Duration {
	rate := 0.5 + 0.4*c.rand.Float64()
	if c.rand.IntN(2) == 0 {
		rate = 1.25 + c.rand.Float64()
		c.jump(at, c.highest-c.off+Visible)
	}
	spell := c.between(MaxTTL/2, 2*MaxTTL)
	for _, n := range c.nodes {
		c.add(at, func(w *world) { w.quorum.Node(n).SetRate(rate) }, "rate of voter %d: %.3f", n, rate)
		c.add(at+spell, func(w *world) { w.quorum.Node(n).SetRate(w.plan.Rate) }, "rate of voter %d: as the others'", n)
	}
	c.moved(time.Duration(float64(spell) * (rate - c.Rate)))
	c.setBack += spell
	return at + spell
}

func (c *wrongClock) moved(by time.Duration) {
	c.off += by
	c.lowest, c.highest = min(c.lowest, c.off), max(c.highest, c.off)
}
