package effect

import "fmt"

// State is a condition that lasts until something ends it.
type State string

const (
	Stopped State = "stopped"    // the process gets no time, as after SIGSTOP
	Down    State = "down"       // the process doesn't exist
	CutOff  State = "cut off"    // nothing passes on a link
	Slow    State = "slow"       // messages on a link take longer
	Bent    State = "clock bent" // the wall clock differs from the host's
	Shut    State = "shut"       // no client has a connection, or gets one
	Unsound State = "unsound"    // the disk lies or stalls

	Tampered State = "commands tampered" // on a link, commands are carried out twice, again or in another order
)

// Change says for programs what a [Proof] says in words: which state began or ended, and whose.
type Change struct {
	State State `json:"state,omitempty"` // none: the fault changed nothing that lasts
	Over  bool  `json:"over,omitempty"`  // it ended; otherwise it began, or goes on with another Detail

	// Node is the name of the node that was hit, and Clients are those whose links to it were,
	// counted from 0. Without a node, the clients themselves were hit.
	Node    string `json:"node,omitempty"`
	Clients []int  `json:"clients,omitempty"`

	// Anew tells that the node began anew: it restarted, was emptied, evicted keys, or is its own replica now. What it still knows
	// can't be seen from outside.
	Anew bool `json:"anew,omitempty"`

	Detail string `json:"detail,omitempty"` // what there is to know besides: "+10s", "requests"
}

// NodeName is the name of the node at a place in the cluster: A to Z, and N27 after that.
func NodeName(index int) string {
	if index < 26 {
		return string(rune('A' + index))
	}
	return fmt.Sprintf("N%d", index+1)
}
