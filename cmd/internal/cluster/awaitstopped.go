package cluster

import (
	"context"
	"syscall"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// AwaitStopped waits until the operating system shows the process pid as stopped, as it is
// once it has sent itself SIGSTOP.
func AwaitStopped(ctx context.Context, pid int) (effect.Proof, error) {
	// Signal 0 is never delivered, see kill(2).
	return signalAndSee(ctx, pid, syscall.Signal(0), "stopped itself", effect.Change{State: effect.Stopped}, isStopped)
}
