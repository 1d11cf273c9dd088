package lab

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// TestClientIsStartedAnew has one whose lock lives on the middle node, which is replaced by the spare one.
func TestClientIsStartedAnew(t *testing.T) {
	s, err := subject.Find("single")
	require.NoError(t, err)
	l, err := Open(t.Context(), Config{
		Cluster: cluster.Config{Nodes: 4}, Spares: 1, Subject: s, Worker: []string{os.Args[0], "worker"}, Clients: 2,
		TTL: time.Second, NodeTimeout: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	c := l.Clients()[0]
	assert.False(t, c.Joins())
	assert.Equal(t, []int{1}, l.Used())
	require.NoError(t, c.Acquire(t.Context()))
	_, err = c.Release(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Acquire(t.Context()), "its lock runs out with its process")

	require.NoError(t, c.Restart(t.Context(), []int{0, 3, 2}, nil))
	assert.Equal(t, []int{3}, l.Used())
	assert.Zero(t, c.ValidUntil())
	require.NoError(t, c.Acquire(t.Context()), "nobody has it there")
	h := l.History()
	assert.Equal(t, [][]int{{0, 1, 2}, {0, 1, 2}}, h.FirstLists)
	require.Len(t, h.Restarts, 1)
	r := h.Restarts[0]
	assert.Less(t, r.Ended, r.Began)
	r.Ended, r.Began = 0, 0
	assert.Equal(t, history.Restart{Client: "client 1", Nodes: []int{0, 3, 2}}, r)
	beliefs := h.Beliefs()
	require.Len(t, beliefs, 3, "each acquisition is one, with a number of its own")
	assert.Equal(t, h.Restarts[0].Ended, beliefs[1].Until)
	require.Len(t, h.Faults, 2)
	assert.Equal(t, effect.Change{State: effect.Down, Clients: []int{0}}, h.Faults[0].Change)
	assert.Contains(t, h.Faults[1].String(), "client 1 was started anew with the nodes A,D,C (its answer to the greeting: no process -> process ")
	assert.True(t, h.Faults[1].Change.Over)
}

// TestChangeThatNodesRefuse has an operator who leaves when the run ends, since clients with the old list alone are at work.
func TestChangeThatNodesRefuse(t *testing.T) {
	s, err := subject.Find(subject.Ours)
	require.NoError(t, err)
	l, err := Open(t.Context(), Config{
		Cluster: cluster.Config{Nodes: 4}, Spares: 1, Subject: s, Worker: []string{os.Args[0], "worker"}, Clients: 1,
		TTL: time.Second, NodeTimeout: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	c := l.Clients()[0]
	assert.True(t, c.Joins())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	require.ErrorIs(t, c.Move(ctx, []int{0, 1, 2}, []int{0, 3, 2}, nil), ctx.Err())
	h := l.History()
	require.NotEmpty(t, h.Notes)
	assert.Contains(t, h.Notes[len(h.Notes)-1].What, "the operator didn't get the nodes to vote for A,D,C instead of A,B,C in ")
	assert.Contains(t, h.Notes[len(h.Notes)-1].What, "has served a locker with the old list alone")
	require.NoError(t, c.Acquire(t.Context()), "nothing has changed")
}
