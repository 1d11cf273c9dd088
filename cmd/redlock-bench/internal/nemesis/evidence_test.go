package nemesis

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// TestProbesThatShowAFault states what is seen of faults of links, and what isn't.
func TestProbesThatShowAFault(t *testing.T) {
	up, down := probes{links: 2, answered: 2, fastest: time.Millisecond}, probes{links: 2}
	slow := probes{links: 2, answered: 2, fastest: 80 * time.Millisecond}
	for name, c := range map[string]struct {
		kind          Kind
		before, after probes
		want          bool
	}{
		"cut":                            {Partition, up, down, true},
		"still there":                    {Partition, up, up, false},
		"one of them still there":        {Partition, up, probes{links: 2, answered: 1, fastest: 1}, false},
		"wasn't there before":            {Partition, down, down, false},
		"one way":                        {AsymmetricPartition, up, down, true},
		"one way, still there":           {AsymmetricPartition, up, up, false},
		"slow":                           {SlowNode, up, slow, true},
		"not slow":                       {SlowNode, up, up, false},
		"gone, and so not seen slow":     {SlowNode, up, down, false},
		"never there, and not seen slow": {SlowNode, down, down, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, Fault{Kind: c.kind, By: 80 * time.Millisecond}.seenIn(c.before, c.after))
		})
	}
}

// TestResetBreaksSomething shows that a reset counts only where there was a connection to break.
func TestResetBreaksSomething(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		reset := Fault{Kind: ResetLinks, Nodes: []int{0, 1}}
		_, err := reset.Apply(ctx, l.world())
		require.ErrorIs(t, err, cluster.ErrNotProven)
		require.NoError(t, l.client(t, l.links.Link(0, 1)).Ping(ctx).Err())
		applied, err := reset.Apply(ctx, l.world())
		require.NoError(t, err)
		require.Len(t, applied.Proofs, 1, "of the one node with a connection")
		assert.Equal(t, "B", applied.Proofs[0].Target[len(applied.Proofs[0].Target)-1:])
	})
}
