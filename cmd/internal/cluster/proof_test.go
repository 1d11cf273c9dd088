package cluster

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatShowsARestart(t *testing.T) {
	assert.True(t, isRestart("first", "second", true, 0))
	assert.True(t, isRestart("first", "second", false, 5))
	assert.False(t, isRestart("first", "first", false, 5), "it's the same run")
	assert.False(t, isRestart("first", "second", true, 5), "it should have forgotten them")
}

func TestWhatShowsAFailover(t *testing.T) {
	assert.True(t, isFailover("first", "second", "master"))
	assert.False(t, isFailover("first", "first", "master"), "it's the same server")
	assert.False(t, isFailover("first", "second", "slave"), "it takes no writes")
	assert.True(t, missesWrites("down"))
	assert.False(t, missesWrites("up"), "it gets what the primary gets")
}

func TestWhatShowsAnEviction(t *testing.T) {
	assert.True(t, isEviction(3, 4))
	assert.False(t, isEviction(3, 3), "what is gone has expired, or somebody deleted it")
}

// TestAJumpThatIsNotSeenIsNotProven has a clock that goes on as before, and one that jumped further.
func TestAJumpThatIsNotSeenIsNotProven(t *testing.T) {
	n := start(t, Config{Nodes: 1}).Node(0)
	for _, jumped := range []time.Duration{0, time.Hour} {
		_, err := proveJump(t.Context(), n, time.Minute, func() error {
			n.(*embeddedNode).node.Jump(jumped)
			return nil
		})
		require.ErrorIs(t, err, ErrNotProven, jumped)
	}
}

// TestAStopThatIsNotSeenIsNotProven waits for a process to stop that nobody stops.
func TestAStopThatIsNotSeenIsNotProven(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := AwaitStopped(ctx, cmd.Process.Pid)
	assert.ErrorIs(t, err, ErrNotProven)
	_, err = PauseProcess(t.Context(), cmd.Process.Pid)
	require.NoError(t, err)
	_, err = AwaitStopped(t.Context(), cmd.Process.Pid)
	assert.NoError(t, err)
}
