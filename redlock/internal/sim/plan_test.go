package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func describe(p *Plan) []string {
	var all []string
	for _, e := range p.events {
		all = append(all, e.at.String()+" "+e.what)
	}
	return all
}

func TestOneSeedOnePlan(t *testing.T) {
	assert.Equal(t, describe(NewPlan(7)), describe(NewPlan(7)))
	assert.NotEqual(t, describe(NewPlan(7)), describe(NewPlan(8)))
}

func TestPlansStayWithinTheAssumptions(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(500) {
		p := NewPlan(seed)
		sets := p.Lists
		if sets == nil {
			own, _ := p.voters(list{})
			sets = [][]int{own}
		}
		for _, set := range sets {
			require.True(t, p.InTurns || minorityOf(p.Wrong, set), "seed %d", seed)
			for _, cut := range p.CutOff {
				require.True(t, minorityOf(cut, set), "seed %d", seed)
			}
		}
		require.True(t, slices.IsSortedFunc(p.events, func(a, b event) int { return int(a.at - b.at) }), "seed %d", seed)
		for _, e := range p.events {
			require.Less(t, e.at, p.Length, "seed %d", seed)
			kind, _, _ := strings.Cut(strings.TrimRight(e.what, "0123456789"), ":")
			for _, word := range []string{"step the clock", "jump the clock", "lose", "delay", "linger"} {
				if strings.HasPrefix(kind, word) {
					kind = word
				}
			}
			seen[strings.TrimSpace(kind)] = true
			if !p.Forgetful {
				require.NotContains(t, e.what, "flush", "seed %d", seed)
				require.NotContains(t, e.what, "memory false", "seed %d", seed)
			}
		}
	}
	for _, kind := range []string{
		"cut", "cut requests", "cut replies", "hold requests", "hold replies", "partition", "lose", "delay", "linger", "reset connections",
		"pause voter", "crash voter", "flush voter", "stop all clients for", "kill client", "is no longer slow",
		"gets list 0", "gets list 0, joining list 1, and changes the voters", "gets list 1, joining list 0, and changes the voters", "gets list 2, joining list 0, and changes the voters", "gets list 2", "step the clock", "jump the clock", "rate of voter",
	} {
		assert.Condition(t, func() bool {
			for k := range seen {
				if strings.Contains(k, kind) {
					return true
				}
			}
			return false
		}, "no plan has: %s", kind)
	}
}

func minorityOf(voters, set []int) bool {
	in := 0
	for _, n := range set {
		if slices.Contains(voters, n) {
			in++
		}
	}
	return in <= (len(set)-1)/2
}
