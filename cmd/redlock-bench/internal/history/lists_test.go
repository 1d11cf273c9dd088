package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// TestListsOfAClientThatStartsAnew has one that joins another list at 20, and goes by that alone from 40 on.
func TestListsOfAClientThatStartsAnew(t *testing.T) {
	old, next := []int{0, 1, 2}, []int{0, 3, 2}
	h := &History{Nodes: 4, Clients: []string{"a", "b"}, FirstLists: [][]int{old, old}, Restarts: []Restart{
		{Client: "a", Ended: 10, Began: 20, Nodes: old, Joining: next},
		{Client: "a", Ended: 30, Began: 40, Nodes: next},
		{Client: "b", Ended: 50, Nodes: next}, // it never began
	}}
	for at, want := range map[time.Duration][][]int{5: {old}, 19: {old}, 20: {old, next}, 39: {old, next}, 40: {next}} {
		assert.Equal(t, want, h.Lists(0, at), at)
	}
	assert.Equal(t, [][]int{old}, h.Lists(1, 60))
	h.Uses = []int{1} // the lock lives in the middle
	assert.Equal(t, [][]int{{1}, {3}}, h.Lists(0, 20))
	assert.Equal(t, [][]int{{3}}, h.Lists(0, 40))
	h.FirstLists, h.Uses = nil, nil
	assert.Equal(t, [][]int{{0, 1, 2, 3}}, h.Lists(1, 5))
}

// TestBeliefEndsWithTheProcess has a client that's started anew before the end of its lock.
func TestBeliefEndsWithTheProcess(t *testing.T) {
	ms := time.Millisecond
	h := &History{Operations: []Operation{op(protocol.Acquire, 10, 20, 100)}}
	h.Restarts = []Restart{{Client: "b", Ended: 30 * ms, Began: 40 * ms}, {Client: "a", Ended: 50 * ms, Began: 60 * ms}}
	assert.Equal(t, []Belief{{Holder{"a", 1}, 20 * ms, 50 * ms, true}}, h.Beliefs())
	again := op(protocol.Acquire, 65, 70, 150)
	again.Lease = 2
	h.Operations = append(h.Operations, again)
	assert.Equal(t, []Belief{{Holder{"a", 1}, 20 * ms, 50 * ms, true}, {Holder{"a", 2}, 70 * ms, 150 * ms, true}}, h.Beliefs())
}
