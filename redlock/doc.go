// Package redlock takes locks on a majority of independent Redis nodes.
//
// A [Locker] asks all of its nodes, the voters, at once. It holds a lock when a majority granted
// it, for a time that is proven: the TTL, counted on the holder's own clock from before the
// first request was sent, less an allowance for clock drift. Everything else fails closed.
//
// In numbers: with a TTL of 10 s and a drift factor of 0.01, the allowance is 100 ms + 2 ms. A lock whose request
// was sent at 0 s, and whose replies came at 0.003 s, is valid until 9.898 s, and so for another 9.895 s.
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
// Pauses of the process, slow networks and late replies cost validity, and never safety.
//
// Fencing: the tokens of [Lock.Fence] are unique for a name. They grow with every acquisition that
// starts after an earlier one completed. No clock has to be right for that, as long as the
// voters' registers outlive their restarts on a majority. Where they don't, it takes what mutual
// exclusion takes, and without guards wall clocks that agree (docs/fencing.md has the exact condition).
//
// A process can be paused between its last look at the lock and its write. No lock can help against that. A
// resource that checks the tokens can: see package fence.
//
// # Concurrency
//
// All types are safe for concurrent use. Each voter is an ordered queue: requests on one name
// reach it in the order in which they were made, and concurrent callers share round trips.
//
// No round trip is waited for longer than the node time-out, whatever options the Redis clients have. There's one
// exception: a look at the time, at first contact and after a long silence, may take four times as long.
package redlock
