package redlock

import (
	"context"
	"sync"
)

// turns orders the goroutines of one process that wait for one name: first come, first served. Only
// the first of them asks the voters; the others would only stand in its way. The zero value is ready.
type turns struct {
	mu    sync.Mutex
	lines map[string]*line
}

// line is the goroutines that wait for one name.
type line struct {
	waiting []*turn // the first one asks the voters
}

// turn is a goroutine's place in a line.
type turn struct {
	first chan struct{} // closed when it's the first in its line
	freed chan struct{} // holds a token when the lock has been given back in this process
}

// join goes to the end of the line for a name.
func (ts *turns) join(name string) *turn {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.lines == nil {
		ts.lines = make(map[string]*line)
	}
	l := ts.lines[name]
	if l == nil {
		l = &line{}
		ts.lines[name] = l
	}
	t := &turn{first: make(chan struct{}), freed: make(chan struct{}, 1)}
	if l.waiting = append(l.waiting, t); len(l.waiting) == 1 {
		close(t.first)
	}
	return t
}

// leave gives up a place in the line, with the lock or without it.
func (ts *turns) leave(name string, t *turn) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	l := ts.lines[name]
	if l.waiting[0] != t {
		l.remove(t)
		return
	}
	l.waiting[0] = nil
	if l.waiting = l.waiting[1:]; len(l.waiting) == 0 {
		delete(ts.lines, name)
		return
	}
	close(l.waiting[0].first)
}

func (l *line) remove(t *turn) {
	for i, other := range l.waiting {
		if other == t {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
}

// freed wakes the first in line when a lock of this process has been given back. It's a hint: the
// voters decide.
func (ts *turns) freed(name string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if l := ts.lines[name]; l != nil {
		select {
		case l.waiting[0].freed <- struct{}{}:
		default:
		}
	}
}

// await waits until it's the goroutine's turn to ask the voters.
func (t *turn) await(ctx context.Context) bool {
	select {
	case <-t.first:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
