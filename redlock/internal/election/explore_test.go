package election

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var exploreFull = flag.Bool("explore.full", false, "explore the whole of the largest state spaces, too: some minutes and 2 GiB")

// full returns the number of steps to look ahead: all of them where that's asked for.
func full(otherwise int) int {
	if *exploreFull {
		return 0
	}
	return otherwise
}

// TestExplore visits all states of the fencing protocol that ships. See docs/fencing.md.
func TestExplore(t *testing.T) {
	for _, tt := range []struct {
		name     string
		explorer explorer
		depth    int
	}{
		// A voter with a lower register refuses less, so registers of 0 include all others.
		// But to see is better than to believe.
		{"2 attempts", explorer{voters: 3, clients: 2}, 0},
		{"2 attempts, equal registers", explorer{voters: 3, clients: 2, initial: []int64{1, 1, 1}}, 0},
		{"2 attempts, staggered registers", explorer{voters: 3, clients: 2, initial: []int64{1, 2, 3}}, 0},
		{"2 attempts, one register lost", explorer{voters: 3, clients: 2, initial: []int64{0, 1, 1}}, 0},
		{"2 attempts, requests repeated", explorer{voters: 3, clients: 2, repeats: true}, full(6)},
		{"2 attempts, voters forget", explorer{voters: 3, clients: 2, forgetful: true}, full(7)},
		{"2 attempts, 4 voters", explorer{voters: 4, clients: 2}, full(6)},
		// As deep as restoreLowers needs.
		{"3 attempts", explorer{voters: 3, clients: 3}, full(7)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newExplorer(tt.explorer)
			s := &search{model: e, depth: tt.depth}
			s.run()
			t.Logf("%d states, depth %d", len(s.states), s.reached)
			s.requireNone(t, e)
			assert.Equal(t, largerLater|larger|smaller, e.seen, "attempts complete in every way that's allowed")
		})
	}
}

func (s *search) requireNone(t *testing.T, e *explorer) {
	t.Helper()
	if s.findings > 0 {
		require.Fail(t, string(s.finding.violation), "after:\n%s", strings.Join(s.tell(e, s.finding), "\n"))
	}
}

// TestExploreMutations breaks one rule at a time. A search that can't fail proves nothing.
func TestExploreMutations(t *testing.T) {
	for _, tt := range []struct {
		name      string
		broken    mutation
		clients   int
		steps     int // of the shortest counterexample
		violation violation
	}{
		{"the maximum without confirm", maximumUnconfirmed, 2, 4, duplicate},
		{"a majority of N/2", majorityOfHalf, 2, 4, disorder},
		{"a grant doesn't raise the register", grantKeepsRegister, 2, 4, duplicate},
		{"a grant may repeat the register", grantMayRepeat, 2, 4, duplicate},
		{"a grant takes the proposal as it is", grantTrustsClock, 2, 4, duplicate},
		{"confirm without ownership", confirmForAnyone, 2, 6, duplicate},
		{"confirm doesn't raise the register", confirmKeepsRegister, 2, 6, disorder},
		{"confirm lowers the register", confirmLowers, 2, 7, duplicate},
		{"confirm accepts below the register", confirmAboveRegister, 2, 7, duplicate},
		{"restoring lowers the register", restoreLowers, 3, 7, duplicate},
		{"a voter forgets, and the clocks are behind", forgetsAgainstClock, 2, 5, duplicate},
		{"a voter forgets the register but not the lock", forgetsRegisterOnly, 2, 8, duplicate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newExplorer(explorer{
				voters: 3, clients: tt.clients, broken: tt.broken, forgetful: tt.broken >= forgetsAgainstClock,
			})
			s := &search{model: e}
			s.run()
			require.Positive(t, s.findings, "the broken rule goes unnoticed in %d states", len(s.states))
			story := s.tell(e, s.finding)
			t.Logf("%s (%d states):", s.finding.violation, len(s.states))
			for i, line := range story {
				t.Logf("%d. %s", i+1, line)
			}
			assert.Equal(t, tt.violation, s.finding.violation)
			assert.Len(t, story, tt.steps)
		})
	}
}

// TestExploreShortCuts compares the explorer with the plain one, also for broken protocols, in
// which far more can happen: what an attempt can come to in one, it can come to in the other.
func TestExploreShortCuts(t *testing.T) {
	protocols := []mutation{shipped, maximumUnconfirmed}
	if *exploreFull {
		for broken := maximumUnconfirmed + 1; broken < forgetsAgainstClock; broken++ {
			protocols = append(protocols, broken)
		}
	}
	for _, broken := range protocols {
		t.Run(fmt.Sprint("mutation ", broken), func(t *testing.T) {
			t.Parallel()
			protocol := explorer{voters: 3, clients: 2, broken: broken}
			quick, slow := newExplorer(protocol), newExplorer(protocol)
			short := &search{model: quick, goOn: true}
			short.run()
			// As deep as two attempts need that go one after the other.
			long := &search{model: plain{slow}, goOn: true, depth: full(12)}
			long.run()
			t.Logf("%d states, %d without short cuts", len(short.states), len(long.states))
			assert.NotZero(t, slow.seen)
			assert.Zero(t, slow.seen&^quick.seen, "outcomes that the short cuts lose")
			if *exploreFull {
				assert.Equal(t, slow.seen, quick.seen)
			}
		})
	}
}
