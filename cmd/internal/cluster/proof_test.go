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
