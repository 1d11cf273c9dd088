// Package wait has waiting that can be broken off.
package wait

import (
	"context"
	"time"
)

// For waits for d or for the context's end, whose cause it returns.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
