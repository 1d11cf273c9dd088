package redlock

import "time"

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

func (l *Locker) observe(op operation, name string, rounds int, elapsed time.Duration, err error) {
	if l.options.observer != nil {
		l.options.observer(Event{Op: op.String(), Name: name, Rounds: rounds, Elapsed: elapsed, Err: err})
	}
}
