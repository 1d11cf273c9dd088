package election

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/quorum"
)

// The search for two holders. Its adversary delays, reorders and loses every message, lets keys vanish
// at any moment, stops clients anywhere, and lets deadlines pass in any order: that of the grant, D1, and
// that of one extension, D2, which is later. A deadline passes in true time. What ends a belief is that,
// or giving back; what ends a record is that somebody knows it, so a request may know every deadline
// that has passed when it's carried out. Knowing less only refuses more, and a refusal is a lost message.
//
// Its steps are the moments at which a voter changes. The rest happens when it leaves the adversary most
// freedom: an attempt begins with its first grant; a deadline passes just before the grant that needs it; a client
// gives up, or back, when the first voter hears of it; it asks for its extension, and offers the lock to those that
// lack it, from the moment at which it holds it. Fencing values play no part here; TestExplore is about them.

// flaw is one rule that is broken on purpose.
type flaw uint8

const (
	sound            flaw = iota
	recordIgnored         // a grant goes by the key, and the key has vanished
	strangerGives         // a release doesn't look whose record it is
	lateExtension         // an extension counts although the present deadline has passed
	deadlineStays         // an extension leaves the record's deadline as it was
	eternalBelief         // the holder doesn't look at the clock
	restoreOver           // a restoration replaces another's record before its deadline
	halfMajority          // half of the voters are enough
	extendsForAnyone      // an extension counts where another has the record
)

const mostHolders = 3

// exclusionVoter is a voter's record of the name.
type exclusionVoter struct {
	owner  uint8 // a client, numbered from 1; 0 for nobody yet
	second bool  // the deadline is D2
	back   bool
}

// holder is one attempt and the lock that may come of it.
type holder struct {
	phase    stage
	asked    uint8 // voters at which the request is spent
	granted  uint8 // while asking: whose yes was heard
	extended uint8 // while holding until D1: whose yes to the extension was heard
	second   bool  // it held until D2
	passed   uint8 // how many of its deadlines have passed
	again    bool  // its belief had ended, and began again
}

type stage uint8

const (
	unborn stage = iota
	inquiring
	holding
	failed // gave up without the lock
	gave   // gave the lock back
)

type exclusionWorld struct {
	voters  [mostVoters]exclusionVoter
	holders [mostHolders]holder
}

func (h *holder) believes(f flaw) bool {
	return h.phase == holding && (h.passed == 0 || h.second && h.passed < 2 || f == eternalBelief)
}

type exclusionSearch struct {
	voters, clients int
	flaw            flaw
	depth           int

	seen      map[exclusionWorld]int32
	worlds    []exclusionWorld
	parents   []int32
	steps     []string
	violation int32 // the world in which two believe, or one does again; 0 if there's none
	takeovers int   // grants where another's record was over by its deadline
	completed int
}

func (s *exclusionSearch) run() {
	s.seen = map[exclusionWorld]int32{}
	s.add(exclusionWorld{}, 0, "")
	for at, level, end := 0, 0, 1; at < len(s.worlds) && s.violation == 0; at++ {
		if at == end {
			end = len(s.worlds)
			if level++; s.depth > 0 && level >= s.depth {
				return
			}
		}
		s.expand(int32(at))
	}
}

func (s *exclusionSearch) add(w exclusionWorld, parent int32, step string) {
	if _, known := s.seen[w]; known || s.violation != 0 {
		return
	}
	at := int32(len(s.worlds))
	s.seen[w] = at
	s.worlds, s.parents, s.steps = append(s.worlds, w), append(s.parents, parent), append(s.steps, step)
	believers, again := 0, false
	for i := range s.clients {
		if w.holders[i].believes(s.flaw) {
			believers++
		}
		again = again || w.holders[i].again
	}
	if believers > 1 || again {
		s.violation = at
	}
}

// wins asks the tally that ships.
func (s *exclusionSearch) wins(voters uint8) bool {
	if s.flaw == halfMajority {
		return 2*bits.OnesCount8(voters) >= s.voters-1
	}
	tally, result := quorum.NewTally(s.voters), quorum.Pending
	for v := range s.voters {
		if has(voters, v) {
			result = tally.Cast(v, quorum.Yes)
		}
	}
	return result == quorum.Won
}

func (s *exclusionSearch) expand(at int32) {
	w := s.worlds[at]
	for c := range s.clients {
		if w.holders[c].phase == unborn && c > 0 && w.holders[c-1].phase == unborn {
			return // all alike: in order
		}
		for v := range s.voters {
			s.voterSteps(at, w, c, v)
		}
	}
}

// pass lets the time come at which a voter may give its lock to somebody else.
func (w *exclusionWorld) pass(v exclusionVoter) {
	if v.owner != 0 && !v.back {
		needed := uint8(1)
		if v.second {
			needed = 2
		}
		w.holders[v.owner-1].passed = max(w.holders[v.owner-1].passed, needed)
	}
}

// voterSteps are the requests of a client that a voter may carry out now, however old they are.
func (s *exclusionSearch) voterSteps(at int32, w exclusionWorld, c, voter int) {
	h, v, id := w.holders[c], w.voters[voter], uint8(c+1)
	do := func(what string, change func(w *exclusionWorld, v *exclusionVoter, h *holder)) {
		next := w
		change(&next, &next.voters[voter], &next.holders[c])
		s.add(next, at, fmt.Sprintf("voter %d %s client %d", voter+1, what, c+1))
	}
	own := v.owner == id && !v.back
	held := h.phase == holding || h.phase == gave
	if !has(h.asked, voter) && (own || v.owner != id) {
		s.grant(at, w, c, voter)
	}
	if held && (own || s.flaw == extendsForAnyone) {
		do("extends the lock of", func(_ *exclusionWorld, v *exclusionVoter, h *holder) {
			v.second = v.second || s.flaw != deadlineStays && v.owner == id
			if h.phase == holding && !h.second && (h.passed == 0 || s.flaw == lateExtension) {
				h.extended |= 1 << voter
				if s.wins(h.extended) {
					h.again = !h.believes(s.flaw)
					h.second, h.extended = true, 0
				}
			}
		})
	}
	if held && v.owner != id {
		for _, second := range []bool{false, true}[:1+btoi(h.second)] {
			do("takes the offer of", func(w *exclusionWorld, v *exclusionVoter, _ *holder) {
				if s.flaw != restoreOver {
					w.pass(*v)
				}
				*v = exclusionVoter{owner: id, second: second}
			})
		}
	}
	if h.phase != unborn && (own || s.flaw == strangerGives && v.owner != 0 && !v.back) {
		do("takes back the lock of", func(_ *exclusionWorld, v *exclusionVoter, h *holder) {
			v.back = true
			switch h.granted, h.extended = 0, 0; h.phase {
			case inquiring:
				h.phase = failed
			case holding:
				h.phase = gave
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// grant gives the lock to a client. Its reply may be lost, or come when nobody waits.
func (s *exclusionSearch) grant(at int32, w exclusionWorld, c, voter int) {
	old, id := w.voters[voter], uint8(c+1)
	next := w
	if old.owner != id {
		if old.owner != 0 && !old.back {
			s.takeovers++
		}
		if s.flaw != recordIgnored {
			next.pass(old)
		}
		next.voters[voter] = exclusionVoter{owner: id}
	}
	h := &next.holders[c]
	h.asked |= 1 << voter
	if h.phase == unborn {
		h.phase = inquiring
	}
	said := fmt.Sprintf("voter %d grants the lock to client %d", voter+1, c+1)
	s.add(next, at, said+", which doesn't hear of it")
	if h.phase != inquiring || h.passed > 0 && s.flaw != eternalBelief {
		return
	}
	h.granted |= 1 << voter
	if s.wins(h.granted) {
		h.phase, h.granted = holding, 0
		s.completed++
		said += ", which holds it now"
	}
	s.add(next, at, said)
}

// tell returns the history of the violation.
func (s *exclusionSearch) tell() []string {
	var told []string
	for at := s.violation; at != 0; at = s.parents[at] {
		told = append(told, s.steps[at])
	}
	slices.Reverse(told)
	return told
}

// TestExploreExclusion looks for two clients that believe in one lock at the same time, and for one
// whose belief has ended and begins again: another may have had the lock in between.
func TestExploreExclusion(t *testing.T) {
	for _, tt := range []struct {
		name   string
		search exclusionSearch
	}{
		{"2 attempts", exclusionSearch{voters: 3, clients: 2}},
		{"2 attempts, 4 voters", exclusionSearch{voters: 4, clients: 2, depth: full(9)}},
		{"3 attempts", exclusionSearch{voters: 3, clients: 3, depth: full(8)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &tt.search
			s.run()
			t.Logf("%d states, %d takeovers of records that were over, %d completions", len(s.worlds), s.takeovers, s.completed)
			if s.violation != 0 {
				require.Fail(t, "two clients believe in the lock, or one does again", strings.Join(s.tell(), "\n"))
			}
			assert.Positive(t, s.takeovers)
			assert.Positive(t, s.completed)
		})
	}
}

// TestExploreExclusionMutations breaks one rule at a time.
func TestExploreExclusionMutations(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flaw    flaw
		clients int
		steps   int // of the shortest history
	}{
		{"the record isn't looked at when the key is gone", recordIgnored, 2, 4},
		{"a give-back by a stranger", strangerGives, 3, 6},
		{"an extension counts although the present deadline has passed", lateExtension, 2, 5},
		{"an extension doesn't move the record's deadline", deadlineStays, 2, 6},
		{"the holder doesn't look at the clock", eternalBelief, 2, 4},
		{"a restoration replaces a lock that isn't over", restoreOver, 3, 7},
		{"a majority of N/2", halfMajority, 2, 2},
		{"an extension counts where another has the lock", extendsForAnyone, 2, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &exclusionSearch{voters: 3, clients: tt.clients, flaw: tt.flaw}
			s.run()
			require.NotZero(t, s.violation, "the broken rule goes unnoticed in %d states", len(s.worlds))
			story := s.tell()
			t.Logf("found after %d states:", len(s.worlds))
			for i, line := range story {
				t.Logf("%d. %s", i+1, line)
			}
			assert.Len(t, story, tt.steps)
		})
	}
}
