package nemesis

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// ClientDrift lets a client's machine count time at a Rate other than the host's. It takes one of Clients. It's undone by
// the host's rate; nobody sees by how much the clock was off then, since it counts from no particular time.
const ClientDrift Kind = "client-drift"

// mostClientDrift is beyond what any time server does to a clock.
const mostClientDrift = 0.1

var clientDrift = Type{
	Kind: ClientDrift, Scope: OnClients,
	// A lock can't allow for more: nobody but its holder knows of that.
	Within: func(f Fault, _ time.Duration) bool { return math.Abs(f.Rate-1) < mostDrift },
	check: func(f Fault) error {
		if err := oneClient(f); err != nil {
			return err
		}
		if off := math.Abs(f.Rate - 1); !(off > 0 && off <= mostClientDrift) {
			return fmt.Errorf("nemesis: fault %s: rate %v: give one other than 1, and within %v of it", f.Kind, f.Rate, mostClientDrift)
		}
		return nil
	},
	client: func(ctx context.Context, f Fault, p Process) (effect.Proof, undo, error) {
		proof, err := p.SetClockRate(ctx, f.Rate)
		return proof, func(ctx context.Context) (effect.Proof, error) { return p.SetClockRate(ctx, 1) }, err
	},
	Variants: []Variant{{
		Name: "client-drift", Claim: Drift, About: "a client's machine counts time 0.8 % too slowly or too fast",
		draw: func(d Dice) []Fault {
			return []Fault{{Kind: ClientDrift, Nodes: []int{}, Clients: d.client(), Rate: d.rate(0.992, 1.008), For: d.ttls(1, 4)}}
		},
	}},
}
