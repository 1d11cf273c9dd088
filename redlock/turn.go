package redlock

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
)

// turns orders the goroutines of one process that wait for one name: first come, first served. Only
// the first of them asks the voters; the others would only stand in its way. It knows which names the process holds,
// too, since nobody of the process need ask for those. The zero value is ready.
type turns struct {
	mu      sync.Mutex
	lines   map[string]*queueOfTurns
	holders map[string]holderID // the last acquisition that isn't over, by name
}

// queueOfTurns is who waits for one name.
type queueOfTurns struct {
	list.List          // of turns. Thousands may leave at once, so leaving mustn't search.
	gone      holderID // the last of this process whose lock was over since somebody waits
}

func (q *queueOfTurns) first() *turn { return q.Front().Value.(*turn) }

// turn is a goroutine's place in a line.
type turn struct {
	place *list.Element
	first chan struct{} // closed when it's the first in its line
	freed chan holderID // holds whose lock is being given back in this process
	calls chan call     // holds the last call, see listen.go

	stands atomic.Bool // it has a place in the line at a voter
}

// join goes to the end of the line for a name.
func (ts *turns) join(name string) *turn {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.lines == nil {
		ts.lines = make(map[string]*queueOfTurns)
	}
	line := ts.lines[name]
	if line == nil {
		line = new(queueOfTurns)
		ts.lines[name] = line
	}
	t := &turn{first: make(chan struct{}), freed: make(chan holderID, 1), calls: make(chan call, 1)}
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
		close(line.first().first)
	}
}

// took notes that the process holds a lock.
func (ts *turns) took(name string, holder holderID) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.holders == nil {
		ts.holders = make(map[string]holderID)
	}
	ts.holders[name] = holder
}

// over notes that the process doesn't hold it any more. A later acquisition of the name is another matter.
func (ts *turns) over(name string, holder holderID) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.holders[name] == holder {
		delete(ts.holders, name)
	}
	if line := ts.lines[name]; line != nil {
		line.gone = holder
	}
}

// holds reports whether the process holds a lock.
func (ts *turns) holds(name string) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	_, held := ts.holders[name]
	return held
}

// own reports whether a holder is of this process: the last, or the one before, whose release may be on its way.
func (ts *turns) own(name string, holder holderID) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if h, held := ts.holders[name]; held && h == holder {
		return true
	}
	line := ts.lines[name]
	return line != nil && line.gone == holder
}

// stands reports whether the process has a place in the line at a voter.
func (ts *turns) stands(name string) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	line := ts.lines[name]
	return line != nil && line.first().stands.Load()
}

// freed tells the first in line that a lock of this process is being given back: its releases are in the voters'
// queues, so whatever is asked from now on comes after them. It's a hint: the voters decide.
func (ts *turns) freed(name string, gone holderID) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if line := ts.lines[name]; line != nil {
		replace(line.first().freed, gone)
	}
}

// replace puts the latest value into a channel with room for one. Nobody else fills it.
func replace[T any](latest chan T, value T) {
	drain(latest)
	latest <- value
}

func drain[T any](latest chan T) {
	select {
	case <-latest:
	default:
	}
}

// called tells the first in line that it was called from the line at a voter, see line.go.
func (ts *turns) called(c call) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if line := ts.lines[c.name]; line != nil {
		replace(line.first().calls, c)
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
