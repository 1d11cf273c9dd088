package clockdrift

import (
	"time"

	"golang.org/x/sys/unix"
)

// Darwin's CLOCK_MONOTONIC goes on during sleep; Go's own clock (mach_absolute_time) doesn't.
// See clock_gettime(3) on macOS and golang.org/issue/24595.
var systemCountsSuspend = canRead(unix.CLOCK_MONOTONIC)

func systemNow() time.Duration {
	if !systemCountsSuspend {
		return goMonotonicNow()
	}
	return read(unix.CLOCK_MONOTONIC)
}
