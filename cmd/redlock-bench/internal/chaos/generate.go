package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

const (
	// Pace is the usual mean time between the beginnings of two faults, in TTLs.
	Pace = 0.5
	// redraws is how often another fault is drawn for a moment at which one can't be.
	redraws = 30
	// maxPerTTL bounds how many faults begin within a TTL: what proves a fault takes some time.
	maxPerTTL = 20
	// many is a number of faults of which few are the only ones of their kind.
	many = 50
	// CompoundEvery is how many TTLs of a plan with the usual shares have one [nemesis.Dice.Compound].
	CompoundEvery = 6
)

// usualShare is the usual weight of a kind of fault, and shares are those of the kinds that have another.
//
// A lock breaks when nodes forget what they granted, so that's what happens most. A series is five faults, one for each
// node, so it has a fifth of the share. Restarts with all memory, and stopped nodes, break no lock on a quorum; each
// takes a node from a lock with guards for a TTL and more, and too many of them leave no majority to judge. The replacement of a node takes so
// long that more of them would leave no time without; that of a dead one often finds no room, since the node counts as damaged all the while.
const usualShare = 4

var shares = map[string]int{
	"flush": 12, "crash-lose": 6, "clock-forward": 8, "pause-client": 8, "crash-keep": 2, "pause-node": 2, "rolling-restart": 1, "rolling-failover": 1,
	"replace-voter": 1, "replace-dead-voter": 2,
}

// Shares are the usual weights of the kinds that nodes of a backend can have.
func Shares(backend cluster.Backend) map[string]int {
	all := make(map[string]int)
	for _, name := range KindsOn(backend) {
		all[name] = usualShare
		if share, other := shares[name]; other {
			all[name] = share
		}
	}
	return all
}

// Generate fills the plan, which has everything but faults, with random ones that nodes of the backend can have. Weights
// has the share of each of [Kinds]; a kind that isn't in it has a weight of 0, and nil gives [Shares], and compound faults. Every is the mean
// time between the beginnings of two faults; 0 is [Pace]. The same arguments give the same plan.
func Generate(p Plan, backend cluster.Backend, weights map[string]int, every time.Duration) (Plan, error) {
	p.Faults = []nemesis.Fault{}
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	lottery, err := tickets(backend, weights)
	if err != nil {
		return Plan{}, err
	}
	if p, lottery, err = p.spare(lottery, weights != nil); err != nil {
		return Plan{}, err
	}
	random := rand.New(rand.NewPCG(uint64(p.Seed), 0))
	ttl := p.TTL.Duration()
	if every == 0 {
		every = time.Duration(Pace * float64(ttl))
	}
	if every < ttl/maxPerTTL {
		return Plan{}, fmt.Errorf("chaos: a fault every %v: give at least %v, a %dth of the TTL", every, ttl/maxPerTTL, maxPerTTL)
	}
	step := func() time.Duration { return time.Duration(float64(every) * random.ExpFloat64()) }
	at, end := ttl+step(), p.Duration.Duration()-ttl
	for from := ttl; from < end; from += CompoundEvery * ttl {
		until := min(from+CompoundEvery*ttl, end)
		var alone span
		if weights == nil { // before the others of this time, which would leave it no room
			alone = p.compound(random, from, until)
		}
		for ; at < until; at += step() {
			for range redraws {
				drawn := lottery[random.IntN(len(lottery))].Draw(nemesis.Dice{Random: random, Nodes: p.all(), Clients: p.Clients, TTL: ttl})
				if !alone.disturbed(drawn, at) && p.add(drawn, at.Round(time.Millisecond)) {
					break
				}
			}
		}
	}
	if weights == nil && len(p.Faults) >= many {
		p.dropSingles()
	}
	slices.SortStableFunc(p.Faults, func(a, b nemesis.Fault) int { return cmp.Compare(a.At, b.At) })
	return p, nil
}

// dropSingles takes out the faults that are the only ones of their kind. Where such a fault can't be carried out when its time comes, its kind
// wasn't seen at all, and there would be no verdict. Replacements stay: they take too long to be many.
func (p *Plan) dropSingles() {
	count := make(map[string]int)
	for _, f := range p.Faults {
		count[f.Variant()]++
	}
	p.Faults = slices.DeleteFunc(p.Faults, func(f nemesis.Fault) bool { return count[f.Variant()] == 1 && !f.Hits(nemesis.OnVoters) })
}

// compound adds a series of faults by which several things go wrong at once, at a random moment between two, and returns when it must be
// alone. There may be no room for it.
func (p *Plan) compound(random *rand.Rand, from, until time.Duration) span {
	if p.minority() == 0 || p.Clients < 2 {
		return span{}
	}
	voters := newElectorate(*p)
	for _, f := range p.Faults {
		if f.Hits(nemesis.OnVoters) {
			voters, _ = voters.without(f.Nodes[0])
		}
	}
	d := nemesis.Dice{Random: random, Nodes: p.all(), Clients: p.Clients, TTL: p.TTL.Duration()}
	for range redraws {
		at := (from + time.Duration(float64(until-from)*random.Float64())).Round(time.Millisecond)
		series := d.Compound(voters.voters, p.minority())
		alone := span{at, at + series[len(series)-1].At + p.TTL.Duration()/5}
		if !alone.disturbed(p.Faults, 0) && p.add(series, at) {
			return alone
		}
	}
	return span{}
}

// disturbed tells whether one of the faults, each with At counted from an instant, is there in the span and may keep clients from what they'd do
// otherwise. A drift doesn't, and a replacement takes too long to be kept apart.
func (s span) disturbed(faults []nemesis.Fault, from time.Duration) bool {
	return s.until > 0 && slices.ContainsFunc(faults, func(f nemesis.Fault) bool {
		drifts := f.Kind == nemesis.ClockDrift || f.Kind == nemesis.ClientDrift
		return !drifts && !f.Hits(nemesis.OnVoters) && s.overlaps(span{from + f.At, from + f.At + f.For})
	})
}

// add adds a series of faults that begins at an instant, unless one of them doesn't fit.
func (p *Plan) add(series []nemesis.Fault, at time.Duration) bool {
	before := len(p.Faults)
	for _, f := range series {
		f.At += at
		if f.At >= p.Duration.Duration()-p.TTL.Duration() || !p.withinModel(f) || !p.compatible(f) || !p.replaceable(f) {
			p.Faults = p.Faults[:before]
			return false
		}
		p.Faults = append(p.Faults, f)
	}
	return true
}

// spare gives the plan a spare node if there are faults that need one, and time for them. Where they weren't asked for by name,
// a plan that's too short does without.
func (p Plan) spare(lottery []nemesis.Variant, asked bool) (Plan, []nemesis.Variant, error) {
	replaces := func(v nemesis.Variant) bool { return v.Scope() == nemesis.OnVoters }
	if !slices.ContainsFunc(lottery, replaces) {
		return p, lottery, nil
	}
	ttl := p.TTL.Duration()
	if least := nemesis.LongestReplacement(ttl) + 4*ttl; p.Duration.Duration() < least {
		if asked {
			return p, nil, fmt.Errorf("chaos: duration of %v: to replace a node takes up to %v; give at least %v, or no such fault", p.Duration.Duration(), nemesis.LongestReplacement(ttl), least)
		}
		return p, slices.DeleteFunc(lottery, replaces), nil
	}
	p.Spares = 1
	return p, lottery, nil
}

// maxWeight bounds the number of tickets.
const maxWeight = 1000

// tickets lists the variants of the backend, each as often as its weight says.
func tickets(backend cluster.Backend, weights map[string]int) ([]nemesis.Variant, error) {
	names := Kinds()
	if weights == nil {
		weights = Shares(backend)
	}
	for name, weight := range weights {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("chaos: there is no fault %q; there are %s", name, strings.Join(names, ", "))
		}
		if weight < 0 || weight > maxWeight {
			return nil, fmt.Errorf("chaos: weight %d of %s: give from 0 to %d", weight, name, maxWeight)
		}
		if weight > 0 && !slices.Contains(KindsOn(backend), name) {
			return nil, fmt.Errorf("chaos: nodes of the backend %s can't have the fault %q; there are %s", backend, name, strings.Join(KindsOn(backend), ", "))
		}
	}
	var all []nemesis.Variant
	for _, v := range nemesis.VariantsOn(backend) {
		all = append(all, slices.Repeat([]nemesis.Variant{v}, weights[v.Name])...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("chaos: every fault has the weight 0; give at least one of %s a larger", strings.Join(names, ", "))
	}
	return all, nil
}
