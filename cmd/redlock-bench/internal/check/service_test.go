package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// TestOutOfService has three nodes and a TTL of 100 ms. A is down from 100 to 300 ms, B stopped from 200 to 400 ms, and
// C is emptied at 450 ms.
func TestOutOfService(t *testing.T) {
	change := func(at int, node string, state effect.State, over, anew bool) effect.Proof {
		when := time.Duration(at) * time.Millisecond
		return effect.Proof{Began: when, Seen: when, Change: effect.Change{Node: node, State: state, Over: over, Anew: anew}}
	}
	h := &history.History{
		Nodes: 3, Clients: []string{"client 1", "client 2"}, TTL: 100 * time.Millisecond, End: time.Second,
		Faults: []effect.Proof{
			change(100, "A", effect.Down, false, false),
			change(200, "B", effect.Stopped, false, false),
			change(300, "A", effect.Down, true, true),
			change(380, "C", "", false, true),
			change(400, "B", effect.Stopped, true, false),
		},
	}
	// Out: A and B from 200 to 300. New: A is new and B stopped from 300 to 400; A is new until 400, C from 380 to 480.
	assert.Equal(t, Service{Out: 100 * time.Millisecond, New: 100 * time.Millisecond}, OutOfService(h))

	h.Uses = []int{1} // the lock lives on B
	assert.Equal(t, Service{Out: 200 * time.Millisecond}, OutOfService(h))

	// A cut counts if it's from everybody.
	h.Uses = nil
	cut := change(500, "A", effect.CutOff, false, false)
	cut.Change.Clients = []int{0}
	other := change(500, "C", effect.CutOff, false, false)
	other.Change.Clients = []int{0, 1}
	h.Faults = append(h.Faults, cut, other)
	assert.Equal(t, 100*time.Millisecond, OutOfService(h).Out)
	cut.Change.Clients = []int{0, 1}
	h.Faults[len(h.Faults)-2] = cut
	assert.Equal(t, 600*time.Millisecond, OutOfService(h).Out, "to the end")
}
