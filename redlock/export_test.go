package redlock

import "time"

// SetWall makes the machine's wall clock, which only the proposals for fencing tokens come
// from, run ahead of (or behind) the real one.
func SetWall(l *Locker, ahead time.Duration) {
	l.wall = func() time.Time { return time.Now().Add(ahead) }
}

// SetToken makes the next lock tokens predictable.
func SetToken(l *Locker, hi, lo uint64) { l.random = func() (uint64, uint64) { return hi, lo } }

// FenceKey is the key of a name's fencing register.
var FenceKey = fenceKey
