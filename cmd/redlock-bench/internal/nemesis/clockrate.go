package nemesis

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// ClockRate lets a node's wall clock run Rate times as fast as the host's; it's undone by the rate 1 and a
// jump to the host's time.
const ClockRate Kind = "clock-rate"

var clockRate = Type{
	Kind: ClockRate, Scope: OnNodes, Damages: always,
	Within: func(f Fault, ttl time.Duration) bool { return f.For >= ttl },
	check:  checkRate,
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.SetClockRate(ctx, f.Rate)
		return proof, func(ctx context.Context) (effect.Proof, error) {
			if _, err := n.SetClockRate(ctx, 1); err != nil {
				return effect.Proof{}, err
			}
			return setRight(ctx, n)
		}, err
	},
	Variants: []Variant{{
		Name: "clock-rate", Claim: Clocks, About: "a node's clock runs at 0.5 to 4 times the host's rate, and is put right",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: ClockRate, Nodes: d.node(), Rate: d.rate(0.5, 0.9, 0.98, 1.02, 1.1, 1.5, 2, 4), For: d.ttls(1.5, 3)}}
		},
	}},
}

func checkRate(f Fault) error {
	if !(f.Rate > 0) {
		return fmt.Errorf("nemesis: fault %s: rate %v: give one above 0", f.Kind, f.Rate)
	}
	return nil
}

// setRight moves a clock to the host's time, as a time server would.
func setRight(ctx context.Context, n cluster.Node) (effect.Proof, error) {
	now, err := n.Time(ctx)
	if err != nil {
		return effect.Proof{}, err
	}
	return n.JumpClock(ctx, -time.Until(now))
}
