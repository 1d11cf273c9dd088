package lab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// keysOf returns what was seen on a node.
func keysOf(l *Lab, node string) []history.Key {
	var keys []history.Key
	for _, k := range l.History().Keys {
		if k.Node == node {
			keys = append(keys, k)
		}
	}
	return keys
}

func TestWatchSeesWhoHasTheKey(t *testing.T) {
	c := config(t, "classic")
	c.Watch = time.Millisecond
	l, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	client := l.Clients()[0]

	var tokens []string
	var releases []time.Duration
	for round := 1; round <= 2; round++ {
		require.NoError(t, client.Acquire(t.Context()))
		tokens = append(tokens, l.History().Operations[2*round-2].Token)
		require.Eventually(t, func() bool { return len(keysOf(l, "B")) == round }, ttl/2, time.Millisecond)
		releases = append(releases, l.Now())
		_, err = client.Release(t.Context())
		require.NoError(t, err)
		require.Eventually(t, func() bool { return keysOf(l, "B")[round-1].Until > releases[round-1] }, ttl/2, time.Millisecond)
	}
	keys, operations := keysOf(l, "B"), l.History().Operations
	require.Len(t, keys, 2)
	assert.Equal(t, tokens, []string{keys[0].Value, keys[1].Value})
	assert.Greater(t, keys[0].From, operations[0].Invoked)
	assert.LessOrEqual(t, keys[0].Until, keys[1].From)
	assert.Greater(t, keys[1].From, operations[2].Invoked)
}

// TestWatchOfADeadNode shows that nothing is made up while nobody can look.
func TestWatchOfADeadNode(t *testing.T) {
	c := config(t, "classic")
	c.Watch = time.Millisecond
	l, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	require.NoError(t, l.Clients()[0].Acquire(t.Context()))
	require.Eventually(t, func() bool { return len(keysOf(l, "A")) == 1 }, ttl/2, time.Millisecond)
	_, err = l.Node(0).Kill(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		before := keysOf(l, "A")
		time.Sleep(20 * c.Watch)
		return assert.ObjectsAreEqual(before, keysOf(l, "A"))
	}, ttl, time.Millisecond)
	assert.Len(t, keysOf(l, "A"), 1)
}

func TestNoWatch(t *testing.T) {
	l := openLab(t, "classic")
	require.NoError(t, l.Clients()[0].Acquire(t.Context()))
	assert.Empty(t, l.History().Keys)
}
