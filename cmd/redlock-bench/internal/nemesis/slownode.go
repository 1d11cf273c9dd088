package nemesis

import (
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// SlowNode makes requests of Clients take longer by By.
const SlowNode Kind = "slow-node"

var slowNode = Type{
	Kind: SlowNode, Scope: OnLinks,
	check: func(f Fault) error {
		if f.By <= 0 {
			return fmt.Errorf("nemesis: fault %s by %v: give a duration above 0", f.Kind, f.By)
		}
		return nil
	},
	link: &linkFault{
		hit: func(f Fault, l *Link) { l.Delay(Requests, f.By, 0) },
		heal: func(_ Fault, l *Link) int64 {
			l.Delay(Requests, 0, 0)
			return 0
		},
		within: func(f Fault) time.Duration { return f.By + patience },
		seen:   func(f Fault, after probes) bool { return after.answered > 0 && after.fastest >= f.By },
		change: func(f Fault) effect.Change { return effect.Change{State: effect.Slow, Detail: "+" + f.By.String()} },
	},
	Variants: []Variant{{
		Name: "slow-node", Claim: Pauses, About: "requests to a node take longer",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: SlowNode, Nodes: d.node(), Clients: d.clients(), By: d.ttls(0.005, 0.15), For: d.ttls(0.2, 2)}}
		},
	}},
}
