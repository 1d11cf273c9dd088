package sim

import (
	"slices"
	"time"
)

// planSteps steps the clocks that aren't wrong, as time servers do: anywhere within the error that
// a right clock may have.
func (p *planner) planSteps() {
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
		to := p.between(-rightness, rightness)
		by := to - off[n]
		off[n] = to
		p.add(at, func(w *world) { w.quorum.Node(n).Jump(by) }, "step the clock of voter %d by %v", n, by)
	}
}

func (p *Plan) isWrong(node int) bool { return slices.Contains(p.Wrong, node) }

// planWrongClocks breaks the clocks of the voters in Wrong: each by itself, all in the same way, as
// a time server that they share would, or one after the other.
func (p *planner) planWrongClocks() {
	switch {
	case p.InTurns:
		p.planTurns()
	case p.rand.IntN(2) == 0:
		p.planWrongClock(p.Wrong)
	default:
		for _, n := range p.Wrong {
			p.planWrongClock([]int{n})
		}
	}
}

// planWrongClock lets clocks do anything at any time.
func (p *planner) planWrongClock(nodes []int) {
	off := time.Duration(0) // where they are, less where they should be
	for at := p.between(0, 2*MaxTTL); len(nodes) > 0 && at < p.Length; at += p.between(0, MaxTTL) {
		if p.rand.IntN(4) == 0 {
			spell := p.between(NodeTimeout, 2*MaxTTL)
			rate := []float64{0.0001, 0.5, 0.9, 1.3, 2, 50}[p.rand.IntN(6)]
			off += p.wrongRate(nodes, at, spell, rate)
			at += spell
			continue
		}
		to := p.wrongOffset()
		p.jump(nodes, at, to-off)
		if p.rand.IntN(3) == 0 { // there and back, perhaps before anybody looks
			at += p.between(time.Microsecond, MaxTTL/2)
			p.jump(nodes, at, off-to)
		} else {
			off = to
		}
		if p.rand.IntN(4) == 0 { // somebody comes who hasn't seen it
			p.kill(at + p.between(0, MaxTTL/4))
		}
	}
}

// wrongOffset says how far off a clock may be: mostly by as much as a lock lives, sometimes by
// so much that its voter shouldn't vote.
func (p *planner) wrongOffset() time.Duration {
	most := []time.Duration{2 * MaxTTL, 2 * MaxTTL, 2 * MaxTTL, time.Hour, 8 * time.Hour}[p.rand.IntN(5)]
	return p.between(-most, most)
}

func (p *planner) jump(nodes []int, at, by time.Duration) {
	p.setBack += max(-by, 0)
	for _, n := range nodes {
		p.add(at, func(w *world) { w.quorum.Node(n).Jump(by) }, "jump the clock of voter %d by %v", n, by)
	}
}

// wrongRate lets clocks run at another rate for a while, and returns how far ahead that takes them.
func (p *planner) wrongRate(nodes []int, at, spell time.Duration, rate float64) time.Duration {
	for _, n := range nodes {
		p.add(at, func(w *world) { w.quorum.Node(n).SetRate(rate) }, "rate of voter %d: %.3f", n, rate)
		p.add(at+spell, func(w *world) { w.quorum.Node(n).SetRate(w.plan.Rate) }, "rate of voter %d: as the others'", n)
	}
	p.setBack += spell
	return time.Duration(float64(spell) * (rate - p.Rate))
}

// planTurns lets one clock after the other be wrong and be put right. The next one goes wrong when the
// readings of the last one's wrong time are not put together with newer ones any more.
func (p *planner) planTurns() {
	for at := p.between(0, MaxTTL/2); at < p.Length; at += p.between(2*exchange, MaxTTL/2) {
		node, by := []int{p.rand.IntN(p.Nodes)}, p.wrongOffset()
		spell := p.between(time.Microsecond, MaxTTL)
		if at+spell >= p.Length {
			return
		}
		p.jump(node, at, by)
		at += spell
		p.jump(node, at, -by)
	}
}
