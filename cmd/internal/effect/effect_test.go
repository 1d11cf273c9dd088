package effect

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestProofSaysWhatChanged(t *testing.T) {
	p := Proof{Target: "node C", Fault: "crashed", How: "wait", Before: "runs", After: "ended", Change: Change{Node: "C"}}
	assert.Equal(t, "node C crashed (wait: runs -> ended)", p.String())
	assert.Equal(t, Change{State: Down, Node: "C"}, p.Begins(Down).Change)
	assert.Equal(t, Change{State: Down, Over: true, Node: "C", Anew: true}, p.Ends(Down).Anew().Change)
	assert.Equal(t, Change{Node: "C"}, p.Change, "a proof that is marked is another one")
}

func TestNodeName(t *testing.T) {
	for index, want := range map[int]string{0: "A", 25: "Z", 26: "N27"} {
		assert.Equal(t, want, NodeName(index))
	}
}
