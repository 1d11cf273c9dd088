package redlock

import (
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/a5bbb083/redlock/quorum"
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
	// Nodes is what became of the operation's last round at every voter, on success, too: a minority
	// that fails shows here. It's nil where nobody was asked.
	Nodes []NodeResult
	// Err is nil on success, else what the operation returned. Failed releases of attempts
	// that didn't succeed aren't reported.
	Err error
}

// observation is an event in the making.
type observation struct {
	op      operation
	name    string
	rounds  int
	start   time.Duration
	outcome quorum.Outcome[reply]
}

func (l *Locker) begin(op operation, name string) observation {
	return observation{op: op, name: name, start: l.options.clock.Now()}
}

// observe tells the observer, if there's one.
func (l *Locker) observe(o observation, err error) {
	if l.options.observer == nil {
		return
	}
	e := Event{Op: o.op.String(), Name: o.name, Rounds: o.rounds, Elapsed: l.options.clock.Now() - o.start, Err: err}
	if o.outcome.Answers != nil {
		e.Nodes = l.results(o.op, o.outcome)
	}
	l.options.observer(e)
}

// observeApart is observe for what the locker does by itself. The observer gets a goroutine of its own,
// so it may close the locker, which waits for the one that calls this; and if it panics,
// that ends neither the renewal of a lock nor the program.
func (l *Locker) observeApart(o observation, err error) {
	if l.options.observer == nil {
		return
	}
	go func() {
		defer func() {
			if p := recover(); p != nil {
				slog.Error("redlock: the observer panicked", "panic", p, "op", o.op.String(), "name", o.name, "stack", string(debug.Stack()))
			}
		}()
		l.observe(o, err)
	}()
}
