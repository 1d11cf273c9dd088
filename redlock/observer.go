package redlock

import (
	"log/slog"
	"runtime/debug"
	"time"
)

// Event tells an observer (see [WithObserver]) about one finished operation.
type Event struct {
	// Op is "acquire", "extend" or "release".
	Op string
	// Name is the lock's name.
	Name string
	// Rounds is how many round trips to the voters the operation took. An acquisition takes 2
	// where the voters granted different fencing values, and 1 otherwise.
	Rounds int
	// Elapsed is how long the operation took.
	Elapsed time.Duration
	// Err is nil on success, else what the operation returned. Failed releases of attempts
	// that didn't succeed aren't reported.
	Err error
}

// observeApart is observe for what the locker does by itself. The observer gets a goroutine of its own,
// so it may close the locker, which waits for the one that calls this; and if it panics,
// that ends neither the renewal of a lock nor the program.
func (l *Locker) observeApart(op operation, name string, rounds int, elapsed time.Duration, err error) {
	if l.options.observer == nil {
		return
	}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				slog.Error("redlock: the observer panicked", "panic", p, "op", op.String(), "name", name, "stack", string(debug.Stack()))
			}
		}()
		l.observe(op, name, rounds, elapsed, err)
	}()
}

func (l *Locker) observe(op operation, name string, rounds int, elapsed time.Duration, err error) {
	if l.options.observer != nil {
		l.options.observer(Event{Op: op.String(), Name: name, Rounds: rounds, Elapsed: elapsed, Err: err})
	}
}
