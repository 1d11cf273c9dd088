package chaos

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// Claim is what a lock claims to survive. Each includes the ones before it.
type Claim = nemesis.Claim

// The claims, see package nemesis.
const (
	Pauses     = nemesis.Pauses
	Restarts   = nemesis.Restarts
	Drift      = nemesis.Drift
	LostMemory = nemesis.LostMemory
	Clocks     = nemesis.Clocks
	Voters     = nemesis.Voters
)

// Claims are all of them, each with more faults than the one before.
func Claims() []Claim { return nemesis.Claims() }

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
