package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// Call is a request that was sent.
type Call struct {
	Request protocol.Request

	process *Process
	done    chan struct{}
	// Written before done is closed, read after.
	reply    protocol.Reply
	received time.Duration
	err      error
}

// Received is when the reply came, by the clock of the harness. It's known once [Call.Wait] has returned it.
func (c *Call) Received() time.Duration { return c.received }

// Wait returns the reply. When ctx ends before it comes, the error matches [ErrWorker]; the
// call stays under way and may be waited for again.
func (c *Call) Wait(ctx context.Context) (protocol.Reply, error) {
	select {
	case <-c.done:
		return c.reply, c.err
	default:
	}
	select {
	case <-c.done:
		return c.reply, c.err
	case <-ctx.Done():
		return protocol.Reply{}, fmt.Errorf("%w: %s: no reply to %s: %w%s",
			ErrWorker, c.process.name, c.Request.Op, context.Cause(ctx), c.process.child.LastWords())
	}
}
