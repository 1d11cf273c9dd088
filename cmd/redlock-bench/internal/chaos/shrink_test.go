package chaos

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// has tells whether a plan has a flush of each of these nodes.
func has(p Plan, nodes ...int) bool {
	for _, n := range nodes {
		if !slices.ContainsFunc(p.Faults, func(f nemesis.Fault) bool { return f.Kind == nemesis.FlushNode && f.Nodes[0] == n }) {
			return false
		}
	}
	return true
}

// crowded has a flush of each node at 20 s and later, among many pauses.
func crowded() Plan {
	p := blank(1, time.Minute)
	for i := range 60 {
		p.Faults = append(p.Faults, nemesis.Fault{
			Kind: nemesis.PauseNode, Nodes: []int{i % 5}, At: time.Duration(i) * 500 * time.Millisecond, For: time.Second,
		})
		if i >= 40 && i < 45 {
			p.Faults = append(p.Faults, nemesis.Fault{Kind: nemesis.FlushNode, Nodes: []int{i - 40}, At: time.Duration(i) * 500 * time.Millisecond})
		}
	}
	return p
}

func TestShrinkFindsTheFaultsThatMatter(t *testing.T) {
	runs := 0
	s := Shrinker{Need: 1, Tries: 1, Fails: func(_ context.Context, p Plan) (bool, error) {
		runs++
		require.NoError(t, p.Validate())
		return has(p, 1, 3), nil
	}}
	got, found, err := s.Shrink(t.Context(), crowded(), 23*time.Second)
	require.NoError(t, err)
	require.True(t, found)
	assert.Len(t, got.Faults, 2)
	assert.True(t, has(got, 1, 3))
	assert.Equal(t, time.Second, got.Faults[0].At, "the plan begins with the first of them")
	assert.Equal(t, 2*time.Second, got.Faults[1].At, "the time between them is kept")
	assert.Less(t, got.Duration.Duration(), 10*time.Second)
	assert.Less(t, runs, 60)
}

func TestShrinkAsksForRepeatedFailure(t *testing.T) {
	runs := 0
	s := Shrinker{Need: 2, Tries: 3, Fails: func(_ context.Context, p Plan) (bool, error) {
		runs++
		return runs%3 == 0, nil // one in three
	}}
	_, found, err := s.Shrink(t.Context(), crowded(), 23*time.Second)
	require.NoError(t, err)
	assert.False(t, found)
}

func TestShrinkKeepsWhatItHasWhenTheTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := Shrinker{Need: 1, Tries: 1, Fails: func(ctx context.Context, p Plan) (bool, error) { return true, ctx.Err() },
		Progress: func(Plan) { cancel() }}
	got, found, err := s.Shrink(ctx, crowded(), 23*time.Second)
	require.NoError(t, err)
	assert.True(t, found)
	assert.NotEmpty(t, got.Faults)
}

func TestShrinkPassesOnWhatGoesWrong(t *testing.T) {
	broken := errors.New("no redis-server")
	s := Shrinker{Need: 1, Tries: 1, Fails: func(context.Context, Plan) (bool, error) { return false, broken }}
	_, found, err := s.Shrink(t.Context(), crowded(), 23*time.Second)
	require.ErrorIs(t, err, broken)
	assert.False(t, found)
}
