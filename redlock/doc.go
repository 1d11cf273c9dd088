// Package redlock takes locks on a majority of independent Redis nodes.
//
// A [Locker] asks all of its nodes, the voters, at once. It holds a lock when a majority granted
// it, for a time that is proven: the TTL, counted on the holder's own clock from before the
// first request was sent, less an allowance for clock drift. Everything else fails closed.
//
// # What it guarantees
//
// Mutual exclusion: no two holders see [Lock.Valid] at the same time, as long as
//
//   - a majority of the voters' clocks is right at any moment, to within [WithMaxClockError],
//     whatever the other clocks do,
//   - the holder's own clock runs at the right rate, to within [WithDriftFactor], and
//   - of any majority one voter remembers the lock, or knows that it may have forgotten it.
//
// Pauses of the process, slow networks and late replies don't matter to it: they cost validity, never safety.
//
// Fencing: the tokens of [Lock.Fence] are unique for a name and grow with every acquisition that
// starts after an earlier one completed. No clock has to be right for that, as long as the
// voters' registers outlive their restarts on a majority, or the clients' wall clocks agree where
// they don't (docs/fencing.md has the exact condition). They protect a
// resource that checks them (see the package fence) even where mutual exclusion is broken: by the
// pause between the last check and the write, for one, against which no lock can help.
//
// # Concurrency
//
// All types are safe for concurrent use. Each voter is an ordered queue: requests on one name
// reach it in the order in which they were made, and concurrent callers share round trips. No
// round trip is waited for longer than the node time-out, whatever options the Redis clients have; a look at
// the time, at first contact and after a long silence, up to four times as long.
package redlock
