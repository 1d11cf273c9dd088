package election

import "math/bits"

// model is what can be searched: an explorer or a plain one.
type model interface {
	begin() world
	steps(w *world, to []step) []step
	apply(w *world, s step) violation
	pack(w *world) packed
	unpack(p packed) world
}

// search visits every state that can be reached, breadth first, so that the first violation
// that it meets has a shortest history.
type search struct {
	model    model
	depth    int  // the number of steps to look ahead; 0 for all
	goOn     bool // after a violation, too
	reached  int  // the number of steps looked ahead
	states   []packed
	parents  []uint32
	table    []uint32 // by hash, with open addressing: 1 + the index of a state, 0 where free
	buffer   []step
	finding  finding
	findings int
}

// finding is a violation: the state before it and the last step.
type finding struct {
	violation violation
	state     uint32
	step      step
}

// run searches until it finds a violation or has seen all.
func (s *search) run() {
	s.table = make([]uint32, 1<<16)
	w := s.model.begin()
	s.add(s.model.pack(&w), 0)
	at := 0
	for ; at < len(s.states) && (s.depth == 0 || s.reached < s.depth); s.reached++ {
		for end := len(s.states); at < end; at++ {
			if s.expand(uint32(at)); s.findings > 0 && !s.goOn {
				return
			}
		}
	}
}

// expand adds the states that follow on one.
func (s *search) expand(at uint32) {
	w := s.model.unpack(s.states[at])
	s.buffer = s.model.steps(&w, s.buffer[:0])
	for _, step := range s.buffer {
		next := w
		if v := s.model.apply(&next, step); v != none {
			if s.findings == 0 {
				s.finding = finding{violation: v, state: at, step: step}
			}
			s.findings++
		}
		s.add(s.model.pack(&next), at)
	}
}

// add notes a state unless it's known.
func (s *search) add(p packed, parent uint32) {
	mask := uint64(len(s.table) - 1)
	slot := p.hash() & mask
	for ; s.table[slot] != 0; slot = (slot + 1) & mask {
		if s.states[s.table[slot]-1] == p {
			return
		}
	}
	s.states = append(s.states, p)
	s.parents = append(s.parents, parent)
	s.table[slot] = uint32(len(s.states))
	if len(s.states) > len(s.table)/3*2 {
		s.grow()
	}
}

func (s *search) grow() {
	s.table = make([]uint32, 2*len(s.table))
	mask := uint64(len(s.table) - 1)
	for i, p := range s.states {
		slot := p.hash() & mask
		for s.table[slot] != 0 {
			slot = (slot + 1) & mask
		}
		s.table[slot] = uint32(i + 1)
	}
}

// hash mixes both words; the constants are those of wyhash.
func (p packed) hash() uint64 {
	hi, lo := bits.Mul64(p[0]^0xa0761d6478bd642f, p[1]^0xe7037ed1a0b428db)
	return hi ^ lo
}
