package election

import (
	"fmt"
	"slices"
	"strings"
)

// number is a value of a history. A state knows only ranks, and they change from one to the
// next; the numbers are set when the whole history has been told.
type number struct{ is int }

func (n *number) String() string { return fmt.Sprint(n.is) }

// story retells a history in numbers and plain words.
type story struct {
	explorer *explorer
	numbers  []*number // all of them, in ascending order
	ranked   []*number // those of the present state, by rank
	lines    []func() string
}

// tell returns the steps that lead to the finding, one a line.
func (s *search) tell(e *explorer, f finding) []string {
	zero := &number{}
	st := &story{explorer: e, numbers: []*number{zero}, ranked: []*number{zero}}
	for i, at := range s.path(f.state) {
		w := s.model.unpack(s.states[at])
		if i == 0 {
			st.rank(&w, func(int64) *number { return st.after(st.numbers[len(st.numbers)-1]) })
		} else {
			before := s.model.unpack(s.states[s.parents[at]])
			st.take(&before, s.between(&before, s.states[at]))
		}
	}
	w := s.model.unpack(s.states[f.state])
	st.take(&w, f.step)
	for i, n := range st.numbers {
		n.is = i
	}
	var told []string
	for _, line := range st.lines {
		told = append(told, line())
	}
	return told
}

// path returns the states from the beginning to the given one.
func (s *search) path(to uint32) []uint32 {
	path := []uint32{to}
	for to != 0 {
		to = s.parents[to]
		path = append(path, to)
	}
	slices.Reverse(path)
	return path
}

func (s *search) between(w *world, to packed) step {
	for _, step := range s.model.steps(w, nil) {
		next := *w
		s.model.apply(&next, step)
		if s.model.pack(&next) == to {
			return step
		}
	}
	panic("redlock: a state isn't reached from its parent")
}

// rank notes which number has which rank in a state.
func (st *story) rank(w *world, name func(value int64) *number) {
	ranked := []*number{st.numbers[0]}
	for value := int64(1); value <= rankValues(w).highest(); value++ {
		if rankValues(w)>>value&1 == 1 {
			ranked = append(ranked, name(value))
		}
	}
	st.ranked = ranked
}

// after adds a number to the history, just above n.
func (st *story) after(n *number) *number {
	added := &number{}
	st.numbers = slices.Insert(st.numbers, slices.Index(st.numbers, n)+1, added)
	return added
}

// take tells one step.
func (st *story) take(w *world, s step) {
	next := *w
	st.explorer.apply(&next, s)
	var added *number
	name := func(value int64) *number {
		if value%2 == 0 {
			return st.ranked[value/2]
		}
		if added == nil { // a step adds one value at most
			added = st.after(st.ranked[value/2])
		}
		return added
	}
	line := append(st.atVoter(w, &next, s, name), st.atClient(w, &next, s, name)...)
	st.lines = append(st.lines, func() string { return fmt.Sprint(line...) })
	st.rank(&next, name)
}

func (st *story) atVoter(w, next *world, s step, name func(int64) *number) []any {
	before, after := w.voters[s.voter], next.voters[s.voter]
	client := fmt.Sprint("client ", s.client+1)
	line := []any{letters(1 << s.voter), ": "}
	if s.kind != confirmation && s.kind != forgetting && before.owner != 0 {
		line = append(line, "the lock of client ", before.owner, " ends, ")
	}
	switch s.kind {
	case granting:
		v := before
		v.expire()
		value, _ := v.grant(st.explorer.broken, uint8(s.client+1), s.proposal)
		line = append(line, client, " is granted ", name(value))
	case confirmation:
		line = append(line, client, " gets ", name(w.clients[s.client].token), " confirmed")
	case restoring:
		line = append(line, client, " is given the lock back")
	case forgetting:
		line = append(line, "memory is lost")
	}
	line = append(line, " (register ", name(before.register), " -> ", name(after.register), ")")
	if s.kind == granting && s.counted == 0 {
		line = append(line, ", the reply is lost")
	}
	return line
}

func (st *story) atClient(w, next *world, s step, name func(int64) *number) []any {
	was, is := w.clients[s.client], next.clients[s.client]
	client := fmt.Sprint("client ", s.client+1)
	switch {
	case is.phase == was.phase:
		return nil
	case is.phase == confirming:
		return []any{"; by the replies of ", letters(s.counted), ", ", client, " asks all to confirm ", name(is.token)}
	case is.phase == done:
		return []any{"; ", client, " completes with token ", name(is.token)}
	}
	return nil
}

func letters(voters uint8) string {
	var names []string
	for voter := range mostVoters {
		if has(voters, voter) {
			names = append(names, string(rune('A'+voter)))
		}
	}
	return strings.Join(names, " and ")
}
