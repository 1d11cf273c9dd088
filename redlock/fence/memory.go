package fence

import (
	"context"
	"fmt"
	"sync"
)

// Memory guards a resource that lives in the memory of this process and dies with it.
// It is safe for concurrent use.
//
// Its tokens die with the process too. A resource that outlives the process (a file, a table,
// a bucket) needs a guard that does as well: after a restart Memory accepts any token.
type Memory struct {
	config
	mu    sync.Mutex // guards the map and every mark's users, never held during a write
	marks map[string]*mark
}

// mark is the state of one name. Only the one whose value is in turn may touch highest.
type mark struct {
	turn    chan struct{} // capacity 1; a mutex that one can stop waiting for
	highest int64
	users   int // calls that wait or write
}

// NewMemory returns a guard that has seen no token.
func NewMemory(opts ...Option) *Memory {
	return &Memory{config: newConfig(opts), marks: make(map[string]*mark)}
}

// Do calls write if token is at least the highest seen for name, and returns its error.
// Calls of one name run one after the other, each write to its end; other names don't wait
// for it. So write must not call Do for the same name, and should stop when its context ends:
// that's ctx, which also bounds the wait for the turn.
//
// The token counts as seen even if write fails or panics. A call whose context ends before its
// turn leaves nothing behind, not even the name.
//
// Errors, with the write not done: [ErrStale], [ErrInvalidToken], [ErrInvalidName],
// [ErrUnknownName], and the context's.
func (m *Memory) Do(ctx context.Context, name string, token int64, write func(context.Context) error) error {
	if err := m.check(name, token); err != nil {
		return err
	}
	mark := m.enter(name)
	defer m.leave(name, mark)
	select {
	case mark.turn <- struct{}{}:
		defer func() { <-mark.turn }()
	case <-ctx.Done():
	}
	// With both ready, select picks either: ask again, so that a cancelled write never starts.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("fence: %q was not written, its context ended: %w", name, err)
	}
	mark.highest = max(mark.highest, token)
	if err := verdict(name, token, mark.highest); err != nil {
		return err
	}
	return write(ctx)
}

// enter returns the mark of name, which stays in the map at least until leave.
func (m *Memory) enter(name string) *mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.marks[name] == nil {
		m.marks[name] = &mark{turn: make(chan struct{}, 1)}
	}
	m.marks[name].users++
	return m.marks[name]
}

// leave forgets a name that has seen no token, so that requests which never get their turn,
// each with another name, don't fill the memory.
func (m *Memory) leave(name string, mark *mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mark.users--
	if mark.users == 0 && mark.highest == 0 {
		delete(m.marks, name)
	}
}
