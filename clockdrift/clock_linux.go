package clockdrift

import (
	"time"

	"golang.org/x/sys/unix"
)

// Sandboxes may refuse the system call, and then they do so from the start: choosing once
// keeps a process from mixing readings of two clocks.
var systemCountsSuspend = canRead(unix.CLOCK_BOOTTIME)

func systemNow() time.Duration {
	if !systemCountsSuspend {
		return goMonotonicNow()
	}
	return read(unix.CLOCK_BOOTTIME)
}
