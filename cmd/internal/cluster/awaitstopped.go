package cluster

import (
	"context"
	"syscall"
)

// AwaitStopped waits until the operating system shows the process pid as stopped, as it is
// once it has sent itself SIGSTOP.
func AwaitStopped(ctx context.Context, pid int) (Proof, error) {
	// Signal 0 is never delivered, see kill(2).
	return signalAndSee(ctx, pid, syscall.Signal(0), "stopped itself", Change{State: Stopped}, isStopped)
}
