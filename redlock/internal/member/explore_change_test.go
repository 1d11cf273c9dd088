package member_test

import (
	"flag"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// The search for two majorities while one set of voters replaces another. There are lockers with the old set alone, with the
// new one alone, and such that join both; whoever makes the change, back and forth, and stops anywhere; and voters that forget. Lockers look at
// the voters in any order, as often as they like, and may miss some; what they and the change tell arrives at any time or never. What's
// told is decided by the code that ships; the rest are the rules of tell.lua, and of votes in record.lua.
//
// It's a violation if attempts of the old set alone and of the new one alone could both have a majority: they may have begun at any
// moment since the one from which on the last wait waited, and get the vote of each voter that would have given it since. Those that join
// both need a majority of either set, so they share a voter with each, and exclude it there by the rules of the lock itself.
//
// A look hears a voter at the end, or right before the voter's mind changes: any other moment is the same as one of these.
// A look that had begun before a wait is over when that ends.
//
// Lockers don't decide about a set that nobody remembers: somebody who remembers it reaches the voter within MaxTTL. docs/safety.md
// has that assumption, and [TestExploreTwoSetsThatBegin] looks at sets that begin.

// fault is a rule of changes that is broken on purpose.
type fault uint8

const (
	right        fault = iota
	newAlone           // a change counts a majority of the new set only
	noMajority         // a voter hears of the new set from anybody, whatever others say
	skipsWait          // a change that's taken back doesn't go through the joint step
	looksOnce          // a change doesn't look again after its wait
	servesAtOnce       // the new set is served alone as soon as it's told
)

const maxVoters = 5

// mind is what a voter knows: an index of its knowledge, see knowledge.
type mind uint8

// What there is to know: nothing; claims for the old set and the new; and decisions, of which the first is the old set's.
const (
	nothing mind = iota
	claimOld
	claimNew
	first
)

const generations = 3

// knownTo returns what a mind is: decisions are by generation, set, and whether they're dated.
func (s *changes) knownTo(m mind) member.Known {
	switch m {
	case nothing:
		return member.Known{}
	case claimOld, claimNew:
		return member.Known{Set: s.sets[m-claimOld], From: 5}
	}
	i := int(m - first)
	k := member.Known{Set: s.sets[i/2%2], Generation: int64(i/4 + 1), From: member.Pending}
	if i%2 == 1 {
		k.From = 1
	} else {
		k.Replaces = s.sets[1-i/2%2].ID
	}
	return k
}

func (s *changes) mindOf(k member.Known) mind {
	set := mind(0)
	if k.ID == s.sets[1].ID {
		set = 1
	}
	switch {
	case k.Blank():
		return nothing
	case !k.Decided():
		return claimOld + set
	}
	m := first + mind(k.Generation-1)*4 + 2*set
	if k.From != member.Pending {
		m++
	}
	return m
}

const minds = int(first) + 4*generations

// answers are what was heard of voters.
type answers struct {
	heard   uint8
	minds   [maxVoters]mind
	numbers [maxVoters]uint8
}

func (a *answers) take(w *state, v int) {
	a.heard |= 1 << v
	a.minds[v], a.numbers[v] = w.minds[v], w.numbers[v]
}

func (a *answers) has(v int) bool { return a.heard>>v&1 == 1 }

// state is all there is. It's comparable.
type state struct {
	minds   [maxVoters]mind
	numbers [maxVoters]uint8  // how often each has forgotten
	sent    [maxVoters]uint16 // decisions on their way to each
	// Voters that would have voted for attempts of each set alone: of those that began after the last wait's begin, and after this one's.
	votes, fresh [2]uint8

	// A look under way: by lockers with the old set 1, the new one 2, both 3.
	by    uint8
	stale bool // it had begun before the wait
	look  answers

	// The change under way: to the old set 1, to the new one 2. It waits 1, or has waited 2, for a decision that
	// voters knew in these enrolments.
	to, waits uint8
	waited    mind
	then      [maxVoters]uint8
	heard     answers
}

// changes is a search.
type changes struct {
	fault   fault
	lists   [2][]int
	in      [2]uint8
	sets    [2]member.Set
	all     int
	gone    int // a voter, or -1
	forgets int // so many times voters forget
	back    bool

	seen     map[state]bool
	todo     []state
	complete int // states with the new set served alone
	found    bool
}

func newChanges(lists [2][]int, gone, forgets int, back bool) *changes {
	s := &changes{lists: lists, gone: gone, forgets: forgets, back: back, seen: map[state]bool{}}
	for i, list := range lists {
		var names []string
		for _, v := range list {
			names = append(names, string(rune('A'+v)))
			s.all = max(s.all, v+1)
			s.in[i] |= 1 << v
		}
		s.sets[i] = member.NewSet(names)
	}
	return s
}

func (s *changes) run() {
	begin := state{}
	for _, v := range s.lists[0] {
		begin.minds[v] = first + 1
	}
	s.add(begin)
	for len(s.todo) > 0 && !s.found {
		w := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		s.expand(w)
	}
}

func (s *changes) add(w state) {
	for v := range s.all {
		if v == s.gone {
			continue
		}
		for set := range s.lists {
			if s.serves(w.minds[v], set) {
				w.votes[set] |= 1 << v & s.in[set]
				w.fresh[set] |= 1 << v & s.in[set]
			}
		}
		for m := first; int(m) < minds; m++ { // what changes nothing any more
			if w.sent[v]>>m&1 == 1 && s.tell(w.minds[v], m) == w.minds[v] {
				w.sent[v] &^= 1 << m
			}
		}
	}
	if s.seen[w] {
		return
	}
	s.seen[w] = true
	s.todo = append(s.todo, w)
	if s.majority(w, 1) {
		s.complete++
		s.found = s.found || s.majority(w, 0)
	}
}

func (s *changes) majority(w state, set int) bool {
	return 2*bits.OnesCount8(w.votes[set]) > len(s.lists[set])
}

func (s *changes) serves(m mind, set int) bool {
	k := s.knownTo(m)
	return k.Decided() && k.ID == s.sets[set].ID && (k.From != member.Pending || s.fault == servesAtOnce)
}

func (s *changes) expand(w state) {
	forgotten := 0
	for v := range s.all {
		forgotten += int(w.numbers[v])
	}
	for v := range s.all {
		if v == s.gone {
			continue
		}
		if forgotten < s.forgets && w.minds[v] != nothing {
			s.becomes(w, v, nothing)
		}
		for m := first; int(m) < minds; m++ {
			if w.sent[v]>>m&1 == 1 {
				s.becomes(w, v, s.tell(w.minds[v], m))
			}
		}
	}
	for by := uint8(1); by <= 3; by++ {
		if w.by == 0 || w.by == by {
			s.decide(w, by)
		}
	}
	for to := uint8(0); to <= 2; to++ { // somebody begins a change, or breaks it off
		if to != w.to && (to != 1 || s.back) {
			s.add(noChange(w, to))
		}
	}
	s.step(w)
}

func noChange(w state, to uint8) state {
	w.to, w.waits, w.waited, w.then, w.heard = to, 0, 0, [maxVoters]uint8{}, answers{}
	return w
}

var exploreFull = flag.Bool("explore.full", false, "explore the larger state spaces, too: ten minutes and 6 GiB")

var (
	replace = [2][]int{{0, 1, 2}, {0, 1, 3}}
	grow    = [2][]int{{0, 1, 2}, {0, 1, 2, 3, 4}}
	shrink  = [2][]int{{0, 1, 2, 3, 4}, {2, 3, 4}}
)

func TestExploreChanges(t *testing.T) {
	for _, c := range []struct {
		name string
		full bool
		s    *changes
	}{
		{"replace a dead one of three, and back", false, newChanges(replace, 2, 0, true)},
		{"replace a dead one of three, and one forgets", false, newChanges(replace, 2, 1, false)},
		{"from one to three, and back", false, newChanges([2][]int{{0}, {0, 1, 2}}, -1, 0, true)},
		{"from three to five", false, newChanges(grow, -1, 0, false)},
		{"from five to three", false, newChanges(shrink, -1, 0, false)},
		{"replace one of three, and back", true, newChanges(replace, -1, 0, true)},
		{"replace one of three, and one forgets", true, newChanges(replace, -1, 1, false)},
		{"replace a dead one of three, and two forget", true, newChanges(replace, 2, 2, false)},
		{"replace a dead one of three, and back, and one forgets", true, newChanges(replace, 2, 1, true)},
	} {
		if c.full && !*exploreFull {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			c.s.run()
			t.Logf("%d states, in %d of them the new set is served alone", len(c.s.seen), c.s.complete)
			require.False(t, c.s.found, "both sets have a majority")
			assert.Positive(t, c.s.complete, "no change was ever completed")
		})
	}
}

// Each rule that's broken lets both sets have a majority.
func TestExploreBrokenChanges(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   fault
		forgets int
		back    bool
		full    bool
	}{
		{"a change counts the new set only", newAlone, 1, false, false},
		{"a voter adopts a set without a majority", noMajority, 0, false, false},
		{"a change is taken back without the joint step", skipsWait, 0, true, false},
		{"a change doesn't look again after its wait", looksOnce, 2, false, true},
		{"the new set is served alone at once", servesAtOnce, 0, false, false},
	} {
		if c.full && !*exploreFull {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s := newChanges(replace, -1, c.forgets, c.back)
			s.fault = c.fault
			s.run()
			t.Logf("%d states", len(s.seen))
			require.True(t, s.found, "unnoticed in %d states", len(s.seen))
		})
	}
}
