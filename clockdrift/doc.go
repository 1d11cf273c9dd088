// Package clockdrift treats time as data: what a lock may conclude from clocks that run at
// slightly different rates, and what it may not.
//
// A lock that lives on several servers is only as good as its arithmetic about time. Say a lock's key lives for
// 10 s on the servers. The holder counts from before its request was sent, and stops 102 ms early: 1 % for
// clocks that run differently, and 2 ms for rounding. This package holds the pieces of that arithmetic and nothing else:
//
//   - [Clock] is the holder's own clock: monotonic, and counting the time during which the
//     machine was suspended.
//   - [Window] is the span in which a lock may be trusted, by that clock alone.
//   - [Sample] is one reading of a server's clock, and says where that clock must be now.
//   - [Agreed] is the time that all servers agree on, whatever a minority of their clocks do.
//
// Except for the system clocks, nothing here reads a clock, starts a goroutine or performs
// I/O, so every function can be checked by tables, properties and fuzzing.
//
// Assumptions: the holder's clock runs at the right rate to within the drift factor, and a
// majority of the servers' clocks are right to within a bound that the caller adds. See docs/safety.md.
package clockdrift
