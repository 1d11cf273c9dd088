package nemesis

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// Claim is what a lock claims to survive. Each includes the ones before it.
type Claim string

// The claims. A lock on a quorum without guards can keep the first three.
const (
	Pauses     Claim = "pauses"      // pauses and partitions
	Restarts   Claim = "restarts"    // and restarts with memory
	Drift      Claim = "drift"       // and clocks that drift by less than 1 %
	LostMemory Claim = "lost-memory" // and restarts without, of a minority
	Clocks     Claim = "clocks"      // and wrong clocks, of a minority
	Voters     Claim = "voters"      // and nodes that are replaced by others
)

// Claims are all of them, each with more faults than the one before.
func Claims() []Claim { return []Claim{Pauses, Restarts, Drift, LostMemory, Clocks, Voters} }

// Weights are the shares of random faults, by variant, that put the claim to the test on nodes of this backend: all
// the same.
func (c Claim) Weights(backend cluster.Backend) map[string]int {
	weights := make(map[string]int)
	for _, v := range VariantsOn(backend) {
		if slices.Index(Claims(), v.Claim) <= slices.Index(Claims(), c) {
			weights[v.Name] = 1
		}
	}
	return weights
}

// Variant is a use of a kind of fault in random plans: where the two sides of a fault try different things,
// each is drawn, selected and counted for itself.
type Variant struct {
	Name  string
	About string // what it does, in one line
	Claim Claim  // the first that it puts to the test
	// of tells whether a fault of the kind is of this variant; nil is always.
	of func(Fault) bool
	// draw makes up a fault, without its beginning. Several are a series, each with At counted from the
	// beginning of the first.
	draw func(Dice) []Fault
}

// Variants are those of all kinds.
func Variants() []Variant {
	var all []Variant
	for _, t := range types {
		all = append(all, t.Variants...)
	}
	return all
}

// VariantsOn are those that nodes of this backend can have.
func VariantsOn(backend cluster.Backend) []Variant {
	var all []Variant
	for _, t := range types {
		if t.on(backend) {
			all = append(all, t.Variants...)
		}
	}
	return all
}

// Scope is that of its kind.
func (v Variant) Scope() Scope {
	for _, t := range types {
		if slices.ContainsFunc(t.Variants, func(of Variant) bool { return of.Name == v.Name }) {
			return t.Scope
		}
	}
	panic("nemesis: no kind has the variant " + v.Name)
}

// Draw makes up a fault, or a series of them, each with At counted from the beginning of the first.
func (v Variant) Draw(d Dice) []Fault { return v.draw(d) }

// Variant is the name of the variant that the fault is of; its kind, where it's none.
func (f Fault) Variant() string {
	if f.Series != "" {
		return f.Series
	}
	t, _ := f.Type()
	for _, v := range t.Variants {
		if v.of == nil || v.of(f) {
			return v.Name
		}
	}
	return string(f.Kind)
}

// Dice is what random faults are made of.
type Dice struct {
	Random         *rand.Rand
	Nodes, Clients int // how many there are
	TTL            time.Duration
}

// ttls is a random span between so many TTLs, in whole milliseconds, as plans are read by people.
func (d Dice) ttls(from, to float64) time.Duration {
	span := time.Duration(float64(d.TTL) * (from + (to-from)*d.Random.Float64()))
	return max(span.Round(time.Millisecond), time.Millisecond)
}

// rate is one of these.
func (d Dice) rate(of ...float64) float64 { return of[d.Random.IntN(len(of))] }

// rolling does something to one node after the other, in their order from a random one on, each with some rest after the one before.
func (d Dice) rolling(series string, rest float64, step func(node []int) Fault) []Fault {
	var steps []Fault
	first, at := d.Random.IntN(d.Nodes), time.Duration(0)
	for i := range d.Nodes {
		f := step([]int{(first + i) % d.Nodes})
		f.At, f.Series = at, series
		steps = append(steps, f)
		at += f.For + time.Duration(rest*float64(d.TTL))
	}
	return steps
}

// Compound is a series of faults that breaks a lock without guards more often than not, where faults that are drawn one by one seldom meet in such a way.
// For longer than a TTL, one client is paused, and the others are cut off from some nodes. So one of those holds the lock, if anybody does, and only on the
// other nodes. Once the paused client is back, which isn't cut off, one of these other nodes is emptied. There must be two clients, and more than cutOff voters.
func (d Dice) Compound(voters []int, cutOff int) []Fault {
	nodes, clients := slices.Clone(voters), d.Random.Perm(d.Clients)
	d.Random.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	cut, paused, others := nodes[:cutOff], clients[:1], clients[1:]
	slices.Sort(cut)
	slices.Sort(others)
	pause := d.ttls(1.1, 1.3)
	emptied := pause + d.ttls(0.1, 0.3)
	return []Fault{
		{Kind: PauseClient, Nodes: []int{}, Clients: paused, For: pause},
		{Kind: Partition, Nodes: cut, Clients: others, For: emptied + d.ttls(0.2, 0.5)},
		{Kind: FlushNode, Nodes: nodes[cutOff : cutOff+1], At: emptied},
	}
}

func (d Dice) node() []int { return []int{d.Random.IntN(d.Nodes)} }

func (d Dice) client() []int { return []int{d.Random.IntN(d.Clients)} }

// nodes is between one node and a majority.
func (d Dice) nodes() []int { return d.some(d.Nodes, d.Nodes/2+1) }

// clients is all clients, which is written as none, or some.
func (d Dice) clients() []int {
	if d.Random.IntN(2) == 0 {
		return nil
	}
	return d.some(d.Clients, d.Clients)
}

// some is at least one and at most so many of n, in their order.
func (d Dice) some(n, most int) []int {
	left := 1 + d.Random.IntN(most)
	var chosen []int
	for i := range n {
		if d.Random.IntN(n-i) < left-len(chosen) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}
