//go:build unix && !linux

package cluster

import (
	"context"
	"fmt"
)

// findClockTool finds none: preloading a library into redis-server is tested on Linux only.
func findClockTool(context.Context, string) (clockTool, error) {
	return nil, fmt.Errorf("%w: bending the clock of a real redis-server needs Linux; the embedded backend can do it anywhere",
		ErrUnsupported)
}
