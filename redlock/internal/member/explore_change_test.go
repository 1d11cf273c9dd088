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

// becomes changes a voter's mind. Whoever is hearing the voters has heard this one before, or hasn't.
func (s *changes) becomes(w state, v int, m mind) {
	change := func(w state) {
		w.minds[v] = m
		if m == nothing {
			w.numbers[v]++
			w.sent[v] = 0 // all that's for the enrolment before
		}
		s.add(w)
	}
	before := []state{w}
	if w.to != 0 && w.waits != 1 && !w.heard.has(v) {
		heard := w
		heard.heard.take(&w, v)
		before = append(before, heard)
	}
	for _, w := range before {
		change(w)
		for by := uint8(1); by <= 3; by++ {
			if s.sees(by, v) && (w.by == 0 || w.by == by) && !w.look.has(v) {
				heard := w
				heard.by = by
				heard.look.take(&w, v)
				change(heard)
			}
		}
	}
	if w.by != 0 { // the look comes to nothing
		w.by, w.stale, w.look = 0, false, answers{}
		change(w)
	}
}

func (s *changes) sees(by uint8, v int) bool {
	return (by&1 == 1 && s.in[0]>>v&1 == 1) || (by&2 == 2 && s.in[1]>>v&1 == 1)
}

// tell is tell.lua.
func (s *changes) tell(has, m mind) mind {
	old, new := s.knownTo(has), s.knownTo(m)
	if has == nothing {
		old.Generation = -1
	}
	dated := new.Generation == old.Generation && new.ID == old.ID && old.From == member.Pending && new.From != member.Pending
	if new.Generation > old.Generation || dated {
		return m
	}
	return has
}

// decide ends a look: those voters that it hasn't heard yet answer now, or not at all, and the locker tells what follows from it.
func (s *changes) decide(w state, by uint8) {
	var config member.Config
	for set, list := range s.lists {
		if by>>set&1 == 1 {
			config = append(config, member.Electorate{Set: s.sets[set], Voters: list})
		}
	}
	open := uint8(0)
	for v := range s.all {
		if s.sees(by, v) && !w.look.has(v) && v != s.gone {
			open |= 1 << v
		}
	}
	for answer := open; ; answer = (answer - 1) & open {
		next := w
		for v := range s.all {
			if answer>>v&1 == 1 {
				next.look.take(&w, v)
			}
		}
		s.concludes(next, config)
		if answer == 0 {
			return
		}
	}
}

func (s *changes) concludes(w state, config member.Config) {
	views, known := make([]member.View, s.all), false
	for v := range views {
		if w.look.has(v) {
			views[v] = member.View{Heard: true, Known: s.knownTo(w.look.minds[v])}
			known = known || views[v].Known.Decided()
		}
	}
	look := w.look
	w.by, w.stale, w.look = 0, false, answers{}
	if !known {
		return // it hears of a decision before a claim of its own is old
	}
	for _, t := range config.Decide(views, member.Now{Earliest: 10, Latest: 20}, 1000) {
		s.send(&w, t.Voter, look.numbers[t.Voter], t.Known)
	}
	if s.fault == noMajority {
		for _, from := range views {
			for to := range views {
				if k := from.Known; from.Heard && views[to].Heard && k.ID == s.sets[1].ID {
					k.From = 1
					s.send(&w, to, look.numbers[to], k)
				}
			}
		}
	}
	s.add(w)
}

func (s *changes) send(w *state, v int, number uint8, k member.Known) {
	if k.Generation <= generations && number == w.numbers[v] {
		w.sent[v] |= 1 << s.mindOf(k)
	}
}

// step takes the next step of the change: the voters that it hasn't heard yet answer now.
func (s *changes) step(w state) {
	switch w.waits {
	case 1:
		s.add(s.over(w))
		return
	default:
		if w.to == 0 {
			return
		}
	}
	c := member.Change{To: s.sets[w.to-1], Asked: make([]bool, s.all), From: 1}
	views, numbers := make([]member.View, s.all), make([]int64, s.all)
	before, then := make([]member.View, s.all), make([]int64, s.all)
	heard := w.heard
	for v := range s.all {
		c.Asked[v] = v != s.gone && (s.fault != newAlone || s.in[1]>>v&1 == 1)
		if !c.Asked[v] {
			continue
		}
		if !heard.has(v) {
			heard.take(&w, v)
		}
		views[v], numbers[v] = member.View{Heard: true, Known: s.knownTo(heard.minds[v])}, int64(heard.numbers[v])
		before[v], then[v] = member.View{Heard: true, Known: s.knownTo(w.waited)}, int64(w.then[v])
	}
	if w.waits == 2 {
		c.Next(before, then) // all knew it when it began to wait
	}
	step, k := c.Next(views, numbers)
	next := noChange(w, w.to)
	switch step {
	case member.Inform:
		if s.fault == skipsWait && w.to == 1 && k.From == member.Pending {
			k.From = 1
		}
		for v := range s.all {
			if c.Asked[v] {
				s.send(&next, v, heard.numbers[v], k)
			}
		}
		if w.waits == 2 && k.From != member.Pending {
			next = noChange(next, 0)
		}
	case member.Wait:
		next = s.wait(next, heard.numbers, k)
	default:
		next = noChange(next, 0)
	}
	s.add(next)
}

// wait begins to wait.
func (s *changes) wait(w state, numbers [maxVoters]uint8, k member.Known) state {
	w.waits, w.waited, w.then = 1, s.mindOf(k), numbers
	w.fresh, w.stale = [2]uint8{}, w.by != 0
	return w
}

// over ends the wait, and what had begun before it.
func (s *changes) over(w state) state {
	w.waits, w.votes = 2, w.fresh
	if w.stale {
		w.by, w.stale, w.look = 0, false, answers{}
	}
	if s.fault == looksOnce {
		k := s.knownTo(w.waited)
		k.From = 1
		for v := range s.all {
			s.send(&w, v, w.then[v], k)
		}
		w = noChange(w, 0)
	}
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
