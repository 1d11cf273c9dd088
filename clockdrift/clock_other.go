//go:build !linux && !darwin

package clockdrift

import "time"

const systemCountsSuspend = false

func systemNow() time.Duration { return goMonotonicNow() }
