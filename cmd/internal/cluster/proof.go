package cluster

import (
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
)

// Proof is the evidence that a fault took effect: what was observed before and after it.
type Proof struct {
	Target string `json:"target"` // who was hit: "node C", "process 4711"
	Fault  string `json:"fault"`  // what was done to it: "clock jumped by 40s"
	How    string `json:"how"`    // where the effect was read: "TIME against the host's clock"
	Before string `json:"before"`
	After  string `json:"after"`
	Change Change `json:"change,omitzero"`

	// The effect set in between these two readings of clockdrift.System, which can be
	// compared with those of other processes on this machine.
	Began time.Duration `json:"began_ns"`
	Seen  time.Duration `json:"seen_ns"`
}

// String is the proof as one sentence of a report.
func (p Proof) String() string {
	return fmt.Sprintf("%s %s (%s: %s -> %s)", p.Target, p.Fault, p.How, p.Before, p.After)
}

// begins marks a proof as the beginning of a state.
func (p Proof) begins(s State) Proof {
	p.Change.State = s
	return p
}

// ends marks a proof as the end of a state.
func (p Proof) ends(s State) Proof {
	p.Change.State, p.Change.Over = s, true
	return p
}

// anew marks a proof as the node's new beginning.
func (p Proof) anew() Proof {
	p.Change.Anew = true
	return p
}

// seen completes a proof with what was observed before and is observed now.
func (p Proof) seen(before, after string) Proof {
	p.Before, p.After, p.Seen = before, after, hostNow()
	return p
}

// isRestart tells whether a server was started anew: it has drawn another run id, and has forgotten
// everything if it was to.
func isRestart(before, after string, forgetful bool, keys int64) bool {
	return after != before && !(forgetful && keys > 0)
}

// isFailover tells whether another server is there now, and is nobody's replica.
func isFailover(before, after, role string) bool { return after != before && role == "master" }

// missesWrites tells by its link to the primary whether a replica will miss what is written there.
func missesWrites(link string) bool { return link == "down" }

// isEviction tells by two readings of evicted_keys whether there was one between.
func isEviction(before, after int64) bool { return after > before }

// hostNow reads the clock of Began and Seen.
func hostNow() time.Duration { return clockdrift.System().Now() }
