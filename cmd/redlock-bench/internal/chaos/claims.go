package chaos

import (
	"fmt"
	"slices"
	"strings"
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
)

// Claims are all of them, each with more faults than the one before.
func Claims() []Claim { return []Claim{Pauses, Restarts, Drift, LostMemory, Clocks} }

// ParseClaims reads their names and puts them in order.
func ParseClaims(names []string) ([]Claim, error) {
	for _, name := range names {
		if !slices.Contains(Claims(), Claim(name)) {
			return nil, fmt.Errorf("chaos: there is no claim %q; there are %s", name, strings.Join(ClaimNames(), ", "))
		}
	}
	return slices.DeleteFunc(Claims(), func(c Claim) bool { return !slices.Contains(names, string(c)) }), nil
}

// ClaimNames are the names of [Claims].
func ClaimNames() []string {
	var names []string
	for _, c := range Claims() {
		names = append(names, string(c))
	}
	return names
}

// Weights are those of [Generate] for the faults that the claim is about, all the same.
func (c Claim) Weights() map[string]int {
	weights := make(map[string]int)
	for _, k := range kinds {
		if slices.Index(Claims(), k.claim) <= slices.Index(Claims(), c) {
			weights[k.name] = 1
		}
	}
	return weights
}
