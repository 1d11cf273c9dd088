package nemesis

import (
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

const (
	// Partition lets nothing pass between Clients and nodes until it's undone; then it's delivered.
	Partition Kind = "partition"
	// AsymmetricPartition is Partition one way only, in Direction.
	AsymmetricPartition Kind = "asymmetric-partition"
)

var partition = Type{
	Kind: Partition, Scope: OnLinks,
	link: &linkFault{
		hit: func(_ Fault, l *Link) { l.Cut() },
		heal: func(_ Fault, l *Link) int64 {
			l.Pass(Requests)
			l.Pass(Replies)
			return 0
		},
		within: func(Fault) time.Duration { return silence },
		seen:   nothingAnswers,
		change: func(Fault) effect.Change { return effect.Change{State: effect.CutOff} },
	},
	Variants: []Variant{{
		Name: "partition", Claim: Pauses, About: "nothing passes between clients and nodes; then what was stuck is delivered",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: Partition, Nodes: d.nodes(), Clients: d.clients(), For: d.ttls(0.1, 2)}}
		},
	}},
}

var asymmetricPartition = Type{
	Kind: AsymmetricPartition, Scope: OnLinks,
	check: func(f Fault) error {
		if f.Direction != Requests && f.Direction != Replies {
			return fmt.Errorf("nemesis: fault %s: direction %q: give %q or %q", f.Kind, f.Direction, Requests, Replies)
		}
		return nil
	},
	link: &linkFault{
		hit: func(f Fault, l *Link) { l.Hold(f.Direction) },
		heal: func(f Fault, l *Link) int64 {
			l.Pass(f.Direction)
			return 0
		},
		within: func(Fault) time.Duration { return silence },
		seen:   nothingAnswers,
		change: func(f Fault) effect.Change {
			return effect.Change{State: effect.CutOff, Detail: string(f.Direction)}
		},
	},
	Variants: []Variant{{
		Name: "asymmetric-partition", Claim: Pauses, About: "only requests, or only replies, pass between clients and nodes",
		draw: func(d Dice) []Fault {
			direction := Requests
			if d.Random.IntN(2) == 0 {
				direction = Replies
			}
			return []Fault{{Kind: AsymmetricPartition, Nodes: d.nodes(), Clients: d.clients(), Direction: direction, For: d.ttls(0.1, 2)}}
		},
	}},
}

// nothingAnswers is how a cut link shows.
func nothingAnswers(_ Fault, after probes) bool { return after.answered == 0 }
