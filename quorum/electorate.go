package quorum

import "fmt"

// Electorate says whose votes decide: a majority of each of its sets of voters. There's one set, of all voters, but while
// voters are being replaced. Then a decision needs a majority of the old set and one of the new, so it excludes those that
// need only one of the two (joint consensus; D. Ongaro, Consensus: Bridging Theory and Practice, 2014, 4.3).
type Electorate struct {
	voters int
	sets   [][]int
}

// All is the electorate of n voters that are one set. It panics if n is less than 1.
func All(n int) Electorate {
	if n < 1 {
		panic(fmt.Sprintf("quorum: an electorate needs at least 1 voter, not %d", n))
	}
	all := make([]int, n)
	for voter := range all {
		all[voter] = voter
	}
	return Electorate{voters: n, sets: [][]int{all}}
}

// Joint is the electorate of voters in several sets, numbered from 0. It panics if a set is empty, or if a voter is in none.
func Joint(sets ...[]int) Electorate {
	e, in := Electorate{sets: sets}, map[int]bool{}
	for i, set := range sets {
		if len(set) == 0 {
			panic(fmt.Sprintf("quorum: set %d has no voter", i))
		}
		for _, voter := range set {
			in[voter] = true
			e.voters = max(e.voters, voter+1)
		}
	}
	if e.voters == 0 || len(in) != e.voters {
		panic(fmt.Sprintf("quorum: %d voters in sets, numbered up to %d", len(in), e.voters-1))
	}
	return e
}

// Voters returns the number of voters.
func (e Electorate) Voters() int { return e.voters }

// Sets returns the sets. They mustn't be changed.
func (e Electorate) Sets() [][]int { return e.sets }

// Majority reports whether the voters like that are a majority of each set.
func (e Electorate) Majority(like func(voter int) bool) bool {
	for _, set := range e.sets {
		if !majority(set, like) {
			return false
		}
	}
	return true
}

// Some reports whether the voters like that are a majority of some set. That's what others need who go by this set alone.
func (e Electorate) Some(like func(voter int) bool) bool {
	for _, set := range e.sets {
		if majority(set, like) {
			return true
		}
	}
	return false
}

// Blocked reports whether the voters like that leave the others no majority.
func (e Electorate) Blocked(like func(voter int) bool) bool {
	return !e.Majority(func(voter int) bool { return !like(voter) })
}

func majority(set []int, like func(voter int) bool) bool {
	missing := Majority(len(set))
	for _, voter := range set {
		if like(voter) {
			if missing--; missing == 0 {
				return true
			}
		}
	}
	return false
}
