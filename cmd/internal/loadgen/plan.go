package loadgen

import (
	"fmt"
	"time"
)

// Plan is the load of one process: a part of what all processes do together.
type Plan struct {
	Prefix   string        `json:"prefix"`      // of the locks' names
	First    int           `json:"first"`       // the number of this process's first client, among those of all
	Clients  int           `json:"clients"`     // how many of them are here, each a goroutine
	Total    int           `json:"total"`       // how many there are in all processes
	Names    int           `json:"names"`       // how many names there are for all of them
	Rate     float64       `json:"rate"`        // acquisitions a second of this process; 0 is a closed loop
	Every    time.Duration `json:"every_ns"`    // all clients try at the same moment, once, so often; 0 is never
	Try      bool          `json:"try"`         // whether clients try again and again instead of waiting
	Hold     time.Duration `json:"hold_ns"`     // for how long a lock is held
	Rest     time.Duration `json:"rest_ns"`     // between a release and the same client's next acquisition
	Start    time.Duration `json:"start_ns"`    // when the load begins, on the boot clock
	Duration time.Duration `json:"duration_ns"` // for how long it goes on
}

// Contended tells whether clients share names.
func (p Plan) Contended() bool { return p.Names < p.Total }

// name is something to lock.
type name struct {
	number int // among all names
	text   string
}

// names are what a client locks, one after the other and round again. It's one name if there are no more
// names than clients, and otherwise those that are its own: so there is no contention but that which is
// asked for. They're written down beforehand, so that none is put together while it's measured.
func (p Plan) names(client int) []name {
	var all []name
	for n := client % p.Names; n < p.Names; n += p.Total {
		all = append(all, name{n, fmt.Sprintf("%s%d", p.Prefix, n)})
		if p.Names <= p.Total {
			break
		}
	}
	return all
}

// Result is what a process's clients saw.
type Result struct {
	// Locks is how many were acquired.
	Locks int64 `json:"locks"`
	// PerClient is how many each client acquired.
	PerClient []int64 `json:"per_client"`
	// Acquire is how long the clients waited for their locks, in nanoseconds.
	Acquire *Latencies `json:"acquire"`
	// Release is how long it took to give them back.
	Release *Latencies `json:"release"`
	// Unfinished is how many waits the end cut short. They're in Acquire.
	Unfinished int64 `json:"unfinished"`
	// Failed counts failed attempts by the kind of their error.
	Failed map[string]int64 `json:"failed"`
	// ReleaseFailed does so for releases.
	ReleaseFailed map[string]int64 `json:"release_failed"`
	// Turns are all waits for contended names, in no order; of clients that try at the same moments, all
	// attempts.
	Turns []Turn `json:"turns"`
	// Usage is what it took the process.
	Usage Usage `json:"usage"`
}

// Turn is one client's wait for a name and what came of it, on the boot clock.
type Turn struct {
	Name     int           `json:"n"`
	Asked    time.Duration `json:"a"` // when the wait was meant to begin
	Acquired time.Duration `json:"g"` // when it was over; Never if the end cut it short, or the only attempt failed
	Released time.Duration `json:"r"` // when the release began
}

// Never is later than any reading of the clock.
const Never = time.Duration(1<<63 - 1)
