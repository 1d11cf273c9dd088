package nemesis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/internal/wait"
)

// ClockStrobe has a node's wall clock jump by By, and back, again and again, each after strobeEvery. It's undone by
// a last jump back.
const ClockStrobe Kind = "clock-strobe"

// strobeEvery is the rest between two jumps. A jump is proven by some readings of the clock, which take a few
// milliseconds.
const strobeEvery = 10 * time.Millisecond

var clockStrobe = Type{
	Kind: ClockStrobe, Scope: OnNodes, Damages: always,
	check: checkJump,
	node: func(ctx context.Context, f Fault, n cluster.Node) (effect.Proof, undo, error) {
		proof, err := n.JumpClock(ctx, f.By)
		if err != nil {
			return proof, func(ctx context.Context) (effect.Proof, error) { return setRight(ctx, n) }, err
		}
		strobing, stop := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan strobed, 1)
		go func() { ended <- strobe(strobing, n, f.By) }()
		return proof, func(ctx context.Context) (effect.Proof, error) {
			stop()
			s := <-ended
			proof, err := setRight(ctx, n)
			proof.Fault = fmt.Sprintf("clock jumped %d times by %v, back and forth, and was put right", s.jumps, f.By)
			return proof, errors.Join(s.err, err)
		}, nil
	},
	Variants: []Variant{{
		Name: "clock-strobe", Claim: Clocks, About: "a node's clock jumps there and back, again and again",
		draw: func(d Dice) []Fault {
			by := d.ttls(0.2, 5)
			if d.Random.IntN(2) == 0 {
				by = -by
			}
			return []Fault{{Kind: ClockStrobe, Nodes: d.node(), By: by, For: d.ttls(0.2, 2)}}
		},
	}},
}

// strobed says how often a clock jumped, and what ended that early, if anything did.
type strobed struct {
	jumps int
	err   error
}

// strobe has a clock that jumped by by jump back and there again until ctx ends.
func strobe(ctx context.Context, n cluster.Node, by time.Duration) strobed {
	s := strobed{jumps: 1}
	for wait.For(ctx, strobeEvery) == nil {
		by = -by
		// A jump that has begun isn't broken off: the clock would be where nobody knows.
		_, err := n.JumpClock(context.WithoutCancel(ctx), by)
		if err != nil && !errors.Is(err, cluster.ErrNotProven) {
			s.err = err
			return s
		}
		s.jumps++
	}
	return s
}
