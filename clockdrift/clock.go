package clockdrift

import "time"

// Clock tells how much time has passed since some fixed, arbitrary instant.
//
// Implementations must never go backwards, must not be affected by changes of the wall
// clock, and should keep counting while the machine is suspended: a laptop's lid or a
// paused virtual machine doesn't stop the servers from expiring a key. Now must be safe for
// concurrent use. Readings of different clocks can't be compared.
type Clock interface {
	Now() time.Duration
}

// ClockFunc adapts a function to a [Clock].
type ClockFunc func() time.Duration

// Now calls f.
func (f ClockFunc) Now() time.Duration { return f() }

// System returns the best clock that the operating system has:
//
//   - Linux: CLOCK_BOOTTIME, which counts suspended time. Its readings can be compared
//     between processes on one machine.
//   - macOS: CLOCK_MONOTONIC, which there (unlike on Linux) counts the time asleep.
//   - Elsewhere, or where the system call is refused: Go's own monotonic clock. It may stand
//     still while the machine is suspended, so a lock that is held across a suspension can
//     look valid for longer than it is. [CountsSuspend] tells which of the two it is.
//
// A reading costs a few hundred nanoseconds where Go has no fast path for the clock.
func System() Clock { return systemClock{} }

type systemClock struct{}

func (systemClock) Now() time.Duration { return systemNow() }

// CountsSuspend reports whether the clock that [System] returns goes on while the machine is
// suspended.
func CountsSuspend() bool { return systemCountsSuspend }

// processStart anchors the fallback clock, whose readings are those of Go's monotonic clock.
var processStart = time.Now()

func goMonotonicNow() time.Duration { return time.Since(processStart) }
