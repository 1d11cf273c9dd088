// Package effect has what faults did, as data: the proof that one took effect, and the change of state that the proof is of. It has no
// part in how faults are injected, so that a history of them can be read and judged without the nodes.
package effect

import (
	"fmt"
	"time"
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

// Begins marks a proof as the beginning of a state.
func (p Proof) Begins(s State) Proof {
	p.Change.State = s
	return p
}

// Ends marks a proof as the end of a state.
func (p Proof) Ends(s State) Proof {
	p.Change.State, p.Change.Over = s, true
	return p
}

// Anew marks a proof as the node's new beginning.
func (p Proof) Anew() Proof {
	p.Change.Anew = true
	return p
}
