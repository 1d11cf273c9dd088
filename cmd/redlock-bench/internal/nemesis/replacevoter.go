package nemesis

import (
	"fmt"
	"time"
)

const (
	// ReplaceVoter gives the place of a node in the clients' lists to the spare node. Clients are started anew, one after the other, with a
	// rest of By. Those whose lock can count two lists are given both first, the nodes are moved to the new list, and the clients are started anew with that alone. For is for
	// how long it's planned; it goes on for as long as it takes, and can't be undone.
	ReplaceVoter Kind = "replace-voter"
	// ReplaceDeadVoter is ReplaceVoter of a node that is killed before. It's undone by a restart without memory, as the spare.
	ReplaceDeadVoter Kind = "replace-dead-voter"
)

var replaceVoter = Type{
	Kind: ReplaceVoter, Scope: OnVoters, check: checkVoter,
	Variants: []Variant{{
		Name: "replace-voter", Claim: Voters, About: "a node's place is given to a spare one, while clients are started anew with the new list, one after the other",
		draw: func(d Dice) []Fault { return d.replacement(ReplaceVoter) },
	}},
}

var replaceDeadVoter = Type{
	Kind: ReplaceDeadVoter, Scope: OnVoters, Damages: always, Silences: true, check: checkVoter,
	Variants: []Variant{{
		Name: "replace-dead-voter", Claim: Voters, About: "a node is killed, and its place given to a spare one in the same way; it comes back empty, as the spare",
		draw: func(d Dice) []Fault { return d.replacement(ReplaceDeadVoter) },
	}},
}

// How long a replacement is planned to take: what the lock of this module waits for until no client with the old list
// alone counts as being at work; and in TTLs, the clients' locks, which they give back before they are started anew twice.
const (
	unseenFor                   = 6 * time.Second
	leastRestarts, mostRestarts = 6, 9
	leastRest, mostRest         = 0.05, 0.5
)

// LongestReplacement is how long a plan gives the replacement of a voter at most.
func LongestReplacement(ttl time.Duration) time.Duration { return unseenFor + mostRestarts*ttl }

func (d Dice) replacement(k Kind) []Fault {
	return []Fault{{Kind: k, Nodes: d.node(), By: d.ttls(leastRest, mostRest), For: unseenFor + d.ttls(leastRestarts, mostRestarts)}}
}

func checkVoter(f Fault) error {
	if len(f.Nodes) != 1 || len(f.Clients) > 0 {
		return fmt.Errorf("nemesis: fault %s: give one node, and no clients", f.Kind)
	}
	if f.By < 0 {
		return fmt.Errorf("nemesis: fault %s by %v: give a duration of 0 or more", f.Kind, f.By)
	}
	return nil
}
