package member_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// The search for two sets that begin on servers that they have in common. Two lockers, with A, B, C and A, C, D, look at
// one voter after the other, in any order and as often as they like, and what they tell arrives at any time, or never.
// A voter that's down is so for both. It knows the rules of tell.lua; what lockers tell is decided by the code that ships.

// flaw is one rule that is broken on purpose.
type flaw uint8

const (
	sound         flaw = iota
	majorityForms      // a majority of claims is a decision, whatever the others say
	claimReplaces      // a claim is taken where there's another
	looksAway          // a voter with another set counts as one that wasn't heard, and claims age at once
)

const voters = 4

var (
	lists   = [2][]int{{0, 1, 2}, {0, 2, 3}}
	configs [2]member.Config
)

func init() {
	for i, list := range lists {
		names := []string{}
		for _, v := range list {
			names = append(names, string(rune('A'+v)))
		}
		configs[i] = member.Config{member.Electorate{Set: member.NewSet(names), Voters: list}}
	}
}

// What a voter knows, and what a locker has heard of it.
const (
	unheard = iota
	blank
	claimed // 2 and 3, by locker
	_
	decided // 4 and 5
)

type world struct {
	voters [voters]uint8
	views  [2][voters]uint8
	sent   [2][voters]uint8 // 1 a claim, 2 a decision
}

type search struct {
	flaw  flaw
	down  int // a voter, or -1
	seen  map[world]bool
	todo  []world
	begun int
	found bool
}

func (s *search) run() {
	s.seen = map[world]bool{}
	first := world{}
	for v := range first.voters {
		first.voters[v] = blank
	}
	s.add(first)
	for len(s.todo) > 0 && !s.found {
		w := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		s.expand(w)
	}
}

func (s *search) add(w world) {
	if s.seen[w] {
		return
	}
	s.seen[w] = true
	s.todo = append(s.todo, w)
	both := true
	for l, list := range lists {
		n := 0
		for _, v := range list {
			if int(w.voters[v]) == decided+l {
				n++
			}
		}
		if n >= 2 {
			s.begun++
		} else {
			both = false
		}
	}
	s.found = s.found || both
}

func (s *search) expand(w world) {
	for l, list := range lists {
		for _, v := range list {
			if v == s.down {
				continue
			}
			next := w
			next.views[l][v] = w.voters[v]
			s.add(next)
			if what := w.sent[l][v]; what > 0 {
				next = w
				next.voters[v] = s.deliver(w.voters[v], l, what)
				s.add(next)
			}
		}
		s.add(s.decide(w, l))
	}
}

// deliver is tell.lua. A decision that was sent may be preceded by its claim.
func (s *search) deliver(knows uint8, l int, what uint8) uint8 {
	switch {
	case what == 2 && knows < decided:
		return uint8(decided + l)
	case what == 1 && (knows == blank || s.flaw == claimReplaces && knows < decided):
		return uint8(claimed + l)
	}
	return knows
}

// decide tells what follows from a locker's view, and forgets the view: the next look is a new one.
func (s *search) decide(w world, l int) world {
	now := member.Now{Earliest: 10, Latest: 20}
	views := make([]member.View, voters)
	for _, v := range lists[l] {
		views[v] = s.view(w.views[l][v], v, l)
		if !views[v].Heard && v != s.down && s.flaw != looksAway {
			return w // the look isn't over
		}
	}
	for _, t := range configs[l].Decide(views, now, 1000) {
		what := uint8(1)
		if t.Known.Decided() {
			what = 2
		}
		w.sent[l][t.Voter] = max(w.sent[l][t.Voter], what)
	}
	if s.flaw == majorityForms {
		n := 0
		for _, v := range lists[l] {
			if int(w.views[l][v]) == claimed+l {
				n++
			}
		}
		for _, v := range lists[l] {
			if n >= 2 && int(w.views[l][v]) == claimed+l {
				w.sent[l][v] = 2
			}
		}
	}
	w.views[l] = [voters]uint8{}
	return w
}

func (s *search) view(heard uint8, voter, l int) member.View {
	other := int(heard) == claimed+1-l || int(heard) == decided+1-l
	switch {
	case heard == unheard || other && s.flaw == looksAway:
		return member.View{}
	case heard == blank:
		return member.View{Heard: true}
	case heard < decided:
		// Time passes: the claims of both are as old as it takes.
		return member.View{Heard: true, Known: member.Known{Set: configs[heard-claimed][0].Set, From: 5}}
	}
	return member.View{Heard: true, Known: member.Known{Set: configs[heard-decided][0].Set, Generation: 1}}
}

func TestExploreTwoSetsThatBegin(t *testing.T) {
	for down := -1; down < voters; down++ {
		s := &search{down: down}
		s.run()
		t.Logf("down %d: %d states, in %d of them a set has begun", down, len(s.seen), s.begun)
		require.False(t, s.found, "both sets have begun")
		assert.Positive(t, s.begun, "nobody ever gets a lock")
	}
}

func TestExploreMutations(t *testing.T) {
	for name, broken := range map[string]flaw{
		"a majority of claims decides": majorityForms, "a claim replaces another": claimReplaces, "who has another set wasn't heard": looksAway,
	} {
		t.Run(name, func(t *testing.T) {
			s := &search{flaw: broken, down: -1}
			s.run()
			require.True(t, s.found, "unnoticed in %d states", len(s.seen))
		})
	}
}

// known are the decisions of one set in later generations.
func known(set, generation int, from int64) member.View {
	return member.View{Heard: true, Known: member.Known{Set: configs[set][0].Set, Generation: int64(generation), From: from}}
}

func TestWhoForgotIsTold(t *testing.T) {
	a := configs[0]
	nothing, silent, other := member.View{Heard: true}, member.View{}, known(1, 1, 0)
	for name, c := range map[string]struct {
		views []member.View
		told  []int
	}{
		"by all others":              {[]member.View{known(0, 1, 0), known(0, 1, 0), nothing, silent}, []int{2}},
		"by one, the other is down":  {[]member.View{known(0, 1, 0), silent, nothing, silent}, []int{2}},
		"not where one contradicts":  {[]member.View{known(0, 1, 0), other, nothing, silent}, nil},
		"not by those of another":    {[]member.View{other, silent, nothing, silent}, nil},
		"nobody needs it":            {[]member.View{known(0, 1, 0), known(0, 1, 0), known(0, 1, 0), silent}, nil},
		"half a change isn't spread": {[]member.View{known(0, 2, member.Pending), known(0, 2, member.Pending), known(0, 1, 0), silent}, nil},
		"a complete one is":          {[]member.View{known(0, 2, 9), known(0, 2, 9), known(0, 1, 0), silent}, []int{2}},
		"and its date":               {[]member.View{known(0, 2, 9), known(0, 2, member.Pending), known(0, 2, member.Pending), silent}, []int{1, 2}},
	} {
		var told []int
		for _, tell := range a.Decide(c.views, member.Now{Earliest: 10, Latest: 20}, 1000) {
			told = append(told, tell.Voter)
		}
		assert.Equal(t, c.told, told, name)
	}
}
