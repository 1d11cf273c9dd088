// Package loadgen is the load that redlock-bench load puts on a lock, from inside of one client process.
// It's shared by the programs that have locks in them, so that all locks are measured by the same loop.
//
// What is guaranteed:
//
//   - A wait counts from when it was meant to begin, which in an open loop can be before a client was
//     free to begin it. Waits that the end of the load cuts short count with what they had waited so far, so
//     a client that never got the lock shows.
//   - A failed attempt is counted, and the wait goes on.
//   - The loop itself allocates nothing for a lock, apart from timers if locks are held or clients rest, and
//     from the record of names that are contended.
//
// All durations are nanoseconds where they're sent between processes. Points in time are readings of
// the host's boot clock, which processes share.
package loadgen
