package cluster

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestClockByFaketime covers the second choice on machines that would take the first.
func TestClockByFaketime(t *testing.T) {
	needRedis(t)
	_, err := newFaketime()
	need(t, err)
	ctx := testContext(t)
	c, err := startRedis(ctx, Config{Backend: Redis, Nodes: 2, Persistence: Always, StartTimeout: defaultStartTimeout}, findFaketime)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	testClock(t, ctx, c)
}

func findFaketime(context.Context, string) (clockTool, error) {
	tool, err := newFaketime()
	if err != nil {
		return nil, err
	}
	return tool, nil
}
