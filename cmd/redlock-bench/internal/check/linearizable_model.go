package check

// tokenState is what the dispenser of tokens and the fenced register hold together.
type tokenState struct {
	granted int64 // the largest token that was granted
	written int64 // the largest token under which something was written
	value   int64
	known   bool // value is; it isn't after a cut, before which several orders may have been possible
}

// tokenKind says what an operation is.
type tokenKind int

const (
	grant tokenKind = iota
	read
	write
)

// tokenInput is an operation with what came of it.
type tokenInput struct {
	kind     tokenKind
	token    int64 // of a grant or a write
	value    int64 // read or written
	accepted bool  // of a write
}

// step is the specification: it tells whether the operation can come next, and what holds after
// it. What came of the operation is in its input.
func step(state, input, _ any) (bool, any) {
	s, in := state.(tokenState), input.(tokenInput)
	switch in.kind {
	case grant:
		if in.token <= s.granted {
			return false, s
		}
		s.granted = in.token
	case read:
		if s.known && s.value != in.value {
			return false, s
		}
		s.value, s.known = in.value, true
	case write:
		accepted := in.token >= s.written
		if accepted != in.accepted {
			return false, s
		}
		if accepted {
			s.written, s.value, s.known = in.token, in.value, true
		}
	}
	return true, s
}

// after takes in what's certain about a finished operation in whatever order it was carried out.
func (s tokenState) after(in tokenInput) tokenState {
	switch {
	case in.kind == grant:
		s.granted = max(s.granted, in.token)
	case in.kind == write && in.accepted:
		s.written = max(s.written, in.token)
	}
	return s
}
