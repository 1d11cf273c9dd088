package nemesis

import (
	"bytes"
	"slices"
	"sync"
)

// stream tells the commands of a connection from each other, and which reply is to which.
type stream struct {
	commands splitter // used by who delivers requests only
	replies  splitter // used by who delivers replies only
	bound    bool     // from now on replies don't answer commands one by one
	inside   bool     // a transaction

	mu       sync.Mutex     // guards the rest, and the order of what is written to the node
	sent     int            // commands
	answered int            // of them
	swapped  []int          // places of commands that were sent ahead of the one before
	parked   []byte         // the reply to such a command, until that to the other
	then     map[int]func() // what waits for the reply to a command, by its place
}

// send delivers what a client sent to the node, command by command.
func (r *relay) send(data []byte) {
	t := r.link.tampered.Load()
	values := r.stream.commands.split(data)
	if t == nil || r.stream.commands.opaque {
		r.writeAll(values)
		return
	}
	for _, value := range values {
		if r.stream.free(value) {
			t.pass(r, value)
		} else {
			r.write(value)
		}
	}
}

// free tells whether a command may be tampered with.
func (s *stream) free(command []byte) bool {
	name := commandName(command)
	switch name {
	case "MULTI":
		s.inside = true
	case "EXEC", "DISCARD":
		s.inside = false
	}
	if slices.Contains(binding, name) || name == "CLIENT" && bytes.Contains(bytes.ToUpper(command), []byte("REPLY")) {
		s.bound = true
	}
	return !s.bound && !s.inside && slices.Contains(repeatable, name)
}

// write sends one command to the node.
func (r *relay) write(command []byte) { r.writeAll([][]byte{command}) }

func (r *relay) writeAll(commands [][]byte) {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	switch len(commands) {
	case 0:
	case 1:
		r.toSocket(commands[0])
	default:
		r.toSocket(slices.Concat(commands...))
	}
	r.stream.sent += len(commands)
}

// writeSwapped sends the second command ahead of the first, in one piece. The replies are put into the order
// in which the client sent them.
func (r *relay) writeSwapped(second, first []byte) {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	r.stream.swapped = append(r.stream.swapped, r.stream.sent)
	r.stream.sent += 2
	r.toSocket(slices.Concat(second, first))
}

// writeThen sends a command, and calls do once it's answered.
func (r *relay) writeThen(command []byte, do func()) {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	if r.stream.then == nil {
		r.stream.then = make(map[int]func())
	}
	r.stream.then[r.stream.sent] = do
	r.stream.sent++
	r.toSocket(command)
}

// toSocket writes to the node.
func (r *relay) toSocket(data []byte) {
	r.mu.Lock()
	node := r.node
	r.mu.Unlock()
	if node == nil {
		return
	}
	if _, err := node.Write(data); err != nil {
		r.requests.fail()
	}
}

// ordered returns what to deliver to the client when these bytes have come from the node, and what to do
// after that.
func (s *stream) ordered(data []byte) (deliver [][]byte, do []func()) {
	values := s.replies.split(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range values {
		if s.replies.opaque || isPush(value) {
			deliver = append(deliver, value)
			continue
		}
		place := s.answered
		s.answered++
		if f := s.then[place]; f != nil {
			delete(s.then, place)
			do = append(do, f)
		}
		if len(s.swapped) > 0 && s.swapped[0] == place {
			s.swapped = s.swapped[1:]
			s.parked = slices.Clone(value)
			continue
		}
		deliver = append(deliver, value)
		if s.parked != nil {
			deliver = append(deliver, s.parked)
			s.parked = nil
		}
	}
	return deliver, do
}
