// Package history is the record of one experiment: what each client did and believed, what the
// resource took, and which faults were seen to take effect.
//
// All times are readings of the host's boot clock (clockdrift.System), which all processes of
// an experiment share. A history is plain data; it can be stored as JSON and judged again.
package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// History is everything that is known about an experiment.
type History struct {
	Scenario string `json:"scenario"`
	Subject  string `json:"subject"`
	Backend  string `json:"backend"`
	Nodes    int    `json:"nodes"`
	Seed     int64  `json:"seed"`
	// Clients are the names of all clients, in their order.
	Clients []string `json:"clients,omitempty"`
	// Uses are the places of the nodes that the lock lives on; none means all.
	Uses []int `json:"uses,omitempty"`
	// FirstLists are the nodes that each client was told of at first, by client; none means all nodes for all.
	FirstLists [][]int `json:"lists,omitempty"`
	// TTL is how long a lock lives.
	TTL time.Duration `json:"ttl_ns,omitempty"`

	// Fencing tells that the clients announced fencing tokens.
	Fencing bool `json:"fencing,omitempty"`
	// Chaos is what was planned and came of it where faults were drawn at random; nil for a scenario,
	// which waits for each of its faults itself.
	Chaos *Chaos `json:"chaos,omitempty"`

	// Start is when the experiment began, and End when the last look at it was taken.
	Start time.Duration `json:"start_ns"`
	End   time.Duration `json:"end_ns,omitempty"`
	// Operations are in the order in which they were sent.
	Operations []Operation `json:"operations"`
	// Others are the operations on other locks that clients had at the same time, each with its Name, in the order in which
	// they were sent. Nothing is written under them.
	Others []Operation `json:"others,omitempty"`
	// Writes are in the order in which the resource took or refused them.
	Writes []Write `json:"writes"`
	// Faults are in the order in which they were injected.
	Faults []effect.Proof `json:"faults"`
	// Restarts are those of clients with another list of nodes, and Replacements why, each in the order in which they began.
	Restarts     []Restart     `json:"restarts,omitempty"`
	Replacements []Replacement `json:"replacements,omitempty"`
	// Demands are in the order in which they were made.
	Demands []Demand `json:"demands,omitempty"`
	// Ghosts are the keys of a lock that nobody wanted any more when they were planted.
	Ghosts []Ghost `json:"ghosts,omitempty"`
	// Keys is what was seen of the lock's key, if the nodes were watched.
	Keys []Key `json:"keys,omitempty"`
	// Notes are what the harness saw, the faults included.
	Notes []Note `json:"notes,omitempty"`
}

// OtherNames are those of the locks in Others, in the order in which they were first wanted.
func (h *History) OtherNames() []string {
	var names []string
	for _, o := range h.Others {
		if !slices.Contains(names, o.Name) {
			names = append(names, o.Name)
		}
	}
	return names
}

// Other is the history of another lock.
func (h *History) Other(name string) *History {
	other := *h
	other.Others, other.Writes, other.Demands, other.Ghosts, other.Keys, other.Operations = nil, nil, nil, nil, nil, nil
	for _, o := range h.Others {
		if o.Name == name {
			other.Operations = append(other.Operations, o)
		}
	}
	return &other
}

// Chaos says what became of a plan of random faults.
type Chaos struct {
	// Scheduled is how many faults the plan has, and Duration how long it takes.
	Scheduled int           `json:"scheduled"`
	Duration  time.Duration `json:"duration_ns"`
	// Lasted is for how long it was carried out: less than Duration, if the run was interrupted or failed.
	Lasted time.Duration `json:"lasted_ns"`
	// Faults has the kinds of which at least one was due.
	Faults []FaultCount `json:"faults"`
}

// Complete tells whether the plan was carried out to its end.
func (c Chaos) Complete() bool { return c.Lasted >= c.Duration }

// Due counts the faults whose time came.
func (c Chaos) Due() int {
	due := 0
	for _, f := range c.Faults {
		due += f.Planned
	}
	return due
}

// FaultCount says what became of the faults of one kind.
type FaultCount struct {
	Kind string `json:"kind"`
	// Planned counts those whose time came before the run ended. Each is one of the following.
	Planned int `json:"planned"`
	// Proven counts those that were seen to take effect.
	Proven int `json:"proven"`
	// Skipped counts those that would have left the safety model, because earlier ones took
	// longer than planned; Failed those that couldn't be injected, or weren't seen to work.
	Skipped int `json:"skipped"`
	Failed  int `json:"failed"`
	// Excused counts those that weren't seen to work because another fault of the plan hid them: a
	// node that is down can't show that it's slow.
	Excused int `json:"excused"`
	// Why is the error of the first that failed.
	Why string `json:"why,omitempty"`
}

// Key is a span in which each look at a node found the same value under the lock's name. From is
// the first of these looks, and Until the one that found something else, or else the last of them.
type Key struct {
	Node  string        `json:"node"`
	Value string        `json:"value"`
	From  time.Duration `json:"from_ns"`
	Until time.Duration `json:"until_ns"`
}

// Note is something that the harness saw.
type Note struct {
	At    time.Duration `json:"at_ns"`
	What  string        `json:"what"`
	Fault bool          `json:"fault,omitempty"` // it's the proof of one of [History.Faults]
}

// Evidence returns the notes as a sentence each, in the order in which they were taken.
func (h *History) Evidence() []string {
	var evidence []string
	for _, n := range h.Notes {
		evidence = append(evidence, fmt.Sprintf("+%v: %s", (n.At-h.Start).Round(100*time.Microsecond), n.What))
	}
	return evidence
}

// Restart is a client that was started anew with another list of nodes. It had given its lock back.
type Restart struct {
	Client string `json:"client"`
	// Ended is when its process had ended, and Began when the new one was ready: 0 if it never was.
	Ended time.Duration `json:"ended_ns"`
	Began time.Duration `json:"began_ns,omitempty"`
	// Nodes are those of its list, and Joining those of a second one, of which its lock needs a majority, too; none: there was only one.
	Nodes   []int `json:"nodes"`
	Joining []int `json:"joining,omitempty"`
}

// Replacement is a new list of nodes for all clients, which are started anew one after the other.
type Replacement struct {
	From []int `json:"from"`
	To   []int `json:"to"`
	// Joint tells that clients counted both lists meanwhile, and that the nodes were moved from one to the other.
	Joint bool `json:"joint,omitempty"`
	// Began is when the first client was to start anew. The others are 0 if it didn't come to that: Joined is when all clients counted both lists, Moved
	// when the nodes voted for the new one, and Ended when all clients had that alone.
	Began  time.Duration `json:"began_ns"`
	Joined time.Duration `json:"joined_ns,omitempty"`
	Moved  time.Duration `json:"moved_ns,omitempty"`
	Ended  time.Duration `json:"ended_ns,omitempty"`
}

// Lists returns the lists of nodes of each of which a lock of this client needs a majority at an instant.
func (h *History) Lists(client int, at time.Duration) [][]int {
	var list []int
	if client >= 0 && client < len(h.FirstLists) {
		list = h.FirstLists[client]
	} else {
		for i := range h.Nodes {
			list = append(list, i)
		}
	}
	lists := [][]int{list}
	for _, r := range h.Restarts {
		if client >= 0 && client < len(h.Clients) && r.Client == h.Clients[client] && r.Began > 0 && r.Began <= at {
			lists = [][]int{r.Nodes}
			if r.Joining != nil {
				lists = append(lists, r.Joining)
			}
		}
	}
	for i, l := range lists {
		lists[i] = h.used(l)
	}
	return lists
}

// used returns those of a list that the lock lives on.
func (h *History) used(list []int) []int {
	if h.Uses == nil {
		return list
	}
	used := []int{}
	for _, place := range h.Uses {
		if place < len(list) {
			used = append(used, list[place])
		}
	}
	return used
}

// Demand is something that the lock had no reason to refuse: enough nodes were up and in reach,
// and nobody held it.
type Demand struct {
	At   time.Duration `json:"at_ns"`
	What string        `json:"what"`
	Met  bool          `json:"met"`
}

// Ghost is a key that a request planted long after its client had given up on it.
type Ghost struct {
	At    time.Duration `json:"at_ns"`
	Node  string        `json:"node"`
	Value string        `json:"value"`
}

// Operation is one request to a client and what came of it.
type Operation struct {
	// Name is the lock's, of one in [History.Others].
	Name   string      `json:"name,omitempty"`
	Client string      `json:"client"`
	Op     protocol.Op `json:"op"`
	// Lease numbers the client's acquisition that the operation belongs to.
	Lease int64 `json:"lease"`

	// Sent and Received are when the harness sent the request and had the reply, by its own reading of
	// the clock; 0 in histories that weren't recorded by it. The times below are the client's.
	Sent     time.Duration `json:"sent_ns,omitempty"`
	Received time.Duration `json:"received_ns,omitempty"`

	Invoked time.Duration `json:"invoked_ns"`
	// Returned is 0 for an operation that never returned: it may have taken effect, or may
	// still do so. All fields below are meaningless then.
	Returned time.Duration `json:"returned_ns,omitempty"`

	OK bool `json:"ok"`
	// Looked tells that the client was to look at its lock first, and OK that it found it valid: a check,
	// or a write with such a look.
	Looked     bool          `json:"looked,omitempty"`
	Token      string        `json:"token,omitempty"` // what marks the lock on the nodes
	Fence      int64         `json:"fence,omitempty"`
	ValidUntil time.Duration `json:"valid_until_ns,omitempty"`
	LostAt     time.Duration `json:"lost_at_ns,omitempty"`
	Error      string        `json:"error,omitempty"`
	// Counters are what a read of the resource returned.
	Counters *protocol.Counters `json:"counters,omitempty"`
}

// Open reports whether the operation never returned.
func (o Operation) Open() bool { return o.Returned == 0 }

// Register names one of the resource's two registers.
type Register string

const (
	// Plain takes every write.
	Plain Register = "plain"
	// Fenced takes only writes with a good fencing token.
	Fenced Register = "fenced"
)

// Write is one attempt to write to a register: of Read + 1, by a client that had read Read.
type Write struct {
	Client   string        `json:"client"`
	Lease    int64         `json:"lease"`
	Register Register      `json:"register"`
	At       time.Duration `json:"at_ns"`
	Fence    int64         `json:"fence,omitempty"`
	Read     int64         `json:"read"`
	Accepted bool          `json:"accepted"`
}

// Holder is one acquisition by one client.
type Holder struct {
	Client string
	Lease  int64
}
