package nemesis

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// ClockJump moves a node's wall clock by By; it's undone by a jump back.
const ClockJump Kind = "clock-jump"

var clockJump = Type{
	Kind: ClockJump, Scope: OnNodes, Damages: always,
	// A clock that was moved forwards comes back when the locks that it forgot are over, and one that was
	// moved backwards before anybody trusts it again.
	Within: func(f Fault, ttl time.Duration) bool { return f.By > 0 && f.For >= ttl || f.By < 0 && f.For < ttl },
	check:  checkJump,
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.JumpClock(ctx, f.By)
		return proof, func(ctx context.Context) (effect.Proof, error) { return n.JumpClock(ctx, -f.By) }, err
	},
	Variants: []Variant{{
		Name: "clock-forward", Claim: Clocks, About: "a node's clock jumps ahead, and back later",
		of: func(f Fault) bool { return f.By > 0 },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: ClockJump, Nodes: d.node(), By: d.ttls(0.5, 60), For: d.ttls(1.5, 2.5)}}
		},
	}, {
		Name: "clock-backward", Claim: Clocks, About: "a node's clock jumps back, and ahead soon",
		of: func(f Fault) bool { return f.By < 0 },
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: ClockJump, Nodes: d.node(), By: -d.ttls(0.5, 60), For: d.ttls(0.2, 0.6)}}
		},
	}},
}

func checkJump(f Fault) error {
	if f.By == 0 {
		return fmt.Errorf("nemesis: fault %s by 0s: give a duration other than 0", f.Kind)
	}
	return nil
}
