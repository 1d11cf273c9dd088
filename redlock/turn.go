package redlock

import (
	"container/list"
	"context"
	"sync"
)

// turns orders the goroutines of one process that wait for one name: first come, first served. Only
// the first of them asks the voters; the others would only stand in its way. The zero value is ready.
type turns struct {
	mu    sync.Mutex
	lines map[string]*list.List // of turns. Thousands may leave at once, so leaving mustn't search.
}

// turn is a goroutine's place in a line.
type turn struct {
	place *list.Element
	first chan struct{} // closed when it's the first in its line
	freed chan struct{} // holds a token when the lock has been given back in this process
	calls chan call     // holds the last call, see listen.go
}

// join goes to the end of the line for a name.
func (ts *turns) join(name string) *turn {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.lines == nil {
		ts.lines = make(map[string]*list.List)
	}
	line := ts.lines[name]
	if line == nil {
		line = list.New()
		ts.lines[name] = line
	}
	t := &turn{first: make(chan struct{}), freed: make(chan struct{}, 1), calls: make(chan call, 1)}
	if t.place = line.PushBack(t); line.Len() == 1 {
		close(t.first)
	}
	return t
}

// leave gives up a place in the line, with the lock or without it.
func (ts *turns) leave(name string, t *turn) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	line := ts.lines[name]
	wasFirst := line.Front() == t.place
	line.Remove(t.place)
	switch {
	case line.Len() == 0:
		delete(ts.lines, name)
	case wasFirst:
		close(line.Front().Value.(*turn).first)
	}
}

// freed wakes the first in line when a lock of this process has been given back. It's a hint: the
// voters decide.
func (ts *turns) freed(name string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if line := ts.lines[name]; line != nil {
		select {
		case line.Front().Value.(*turn).freed <- struct{}{}:
		default:
		}
	}
}

// called tells the first in line that it was called from the line at a voter, see line.go.
func (ts *turns) called(c call) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if line := ts.lines[c.name]; line != nil {
		calls := line.Front().Value.(*turn).calls
		select {
		case <-calls: // an older one
		default:
		}
		calls <- c // nobody else fills it
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
