package nemesis

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
)

// ClockDrift lets a node's wall clock run at a Rate within 1 % of the host's, which locks allow for. It's undone
// as a time server does it: the clock drifts the other way for as long. A jump would be one more fault, and
// one that no lock allows for.
const ClockDrift Kind = "clock-drift"

// mostDrift is by how much a clock may run at another rate than the host's and still count as right: any lock
// on clocks allows for that.
const mostDrift = 0.01

var clockDrift = Type{
	Kind: ClockDrift, Scope: OnNodes, Slow: true,
	check: func(f Fault) error {
		if !(math.Abs(f.Rate-1) < mostDrift) {
			return fmt.Errorf("nemesis: fault %s: rate %v: give one within %v of 1", f.Kind, f.Rate, mostDrift)
		}
		return nil
	},
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		began := time.Now()
		proof, err := n.SetClockRate(ctx, f.Rate)
		return proof, func(ctx context.Context) (effect.Proof, error) {
			turned := time.Now()
			if _, err := n.SetClockRate(ctx, 2-f.Rate); err != nil {
				return effect.Proof{}, err
			}
			if err := wait.For(ctx, turned.Sub(began)-time.Since(turned)); err != nil {
				return effect.Proof{}, err
			}
			return n.SetClockRate(ctx, 1)
		}, err
	},
	Variants: []Variant{{
		Name: "clock-drift", Claim: Drift, About: "a node's clock drifts by 0.6 %, and back as slowly",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: ClockDrift, Nodes: d.node(), Rate: d.rate(0.994, 1.006), For: d.ttls(1.5, 3)}}
		},
	}},
}
