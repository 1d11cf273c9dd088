package member_test

import (
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// What lockers and whoever changes the list do in the search of explore_change_test.go.

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
	c := member.Change{From: s.sets[2-w.to], To: s.sets[w.to-1], Asked: make([]bool, s.all), Date: 1}
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
