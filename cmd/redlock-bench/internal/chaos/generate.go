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
	// pace is the mean time between the beginnings of two faults, in TTLs.
	pace = 0.4
	// redraws is how often another fault is drawn for a moment at which one can't be.
	redraws = 30
)

// Generate fills the plan, which has everything but faults, with random ones that nodes of the backend can have. Weights
// has the share of each of [Kinds]; a kind that isn't in it has a weight of 0, and nil gives all the
// same. The same arguments give the same plan.
func Generate(p Plan, backend cluster.Backend, weights map[string]int) (Plan, error) {
	p.Faults = []nemesis.Fault{}
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	lottery, err := tickets(backend, weights)
	if err != nil {
		return Plan{}, err
	}
	random := rand.New(rand.NewPCG(uint64(p.Seed), 0))
	ttl := p.TTL.Duration()
	step := func() time.Duration { return time.Duration(pace * float64(ttl) * random.ExpFloat64()) }
	for at := ttl + step(); at < p.Duration.Duration()-ttl; at += step() {
		for range redraws {
			drawn := lottery[random.IntN(len(lottery))].Draw(nemesis.Dice{Random: random, Nodes: p.Nodes, Clients: p.Clients, TTL: ttl})
			if p.add(drawn, at.Round(time.Millisecond)) {
				break
			}
		}
	}
	slices.SortStableFunc(p.Faults, func(a, b nemesis.Fault) int { return cmp.Compare(a.At, b.At) })
	return p, nil
}

// add adds a series of faults that begins at an instant, unless one of them doesn't fit.
func (p *Plan) add(series []nemesis.Fault, at time.Duration) bool {
	before := len(p.Faults)
	for _, f := range series {
		f.At += at
		if f.At >= p.Duration.Duration()-p.TTL.Duration() || !p.withinModel(f) || !p.compatible(f) {
			p.Faults = p.Faults[:before]
			return false
		}
		p.Faults = append(p.Faults, f)
	}
	return true
}

// maxWeight bounds the number of tickets.
const maxWeight = 1000

// tickets lists the variants of the backend, each as often as its weight says.
func tickets(backend cluster.Backend, weights map[string]int) ([]nemesis.Variant, error) {
	names := Kinds()
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
		weight := 1
		if weights != nil {
			weight = weights[v.Name]
		}
		all = append(all, slices.Repeat([]nemesis.Variant{v}, weight)...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("chaos: every fault has the weight 0; give at least one of %s a larger", strings.Join(names, ", "))
	}
	return all, nil
}
