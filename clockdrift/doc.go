// Package clockdrift treats time as data: what a lock may conclude from clocks that run at
// slightly different rates, and what it may not.
//
// A lock that lives on several servers is only as good as its arithmetic about time. The
// holder reads one clock, each server expires keys by another, and none of them agree. This
// package holds the pieces of that arithmetic and nothing else:
//
//   - [Clock] is the holder's own clock: monotonic, and counting the time during which the
//     machine was suspended.
//   - [Window] is the span in which a lock may be trusted, by that clock alone.
//   - [Monitor] watches the servers' clocks through the times that their replies carry, and tells
//     which of them jumped, run away, or disagree with the majority.
//
// Except for the system clocks, nothing here reads a clock, starts a goroutine or performs
// I/O, so every function can be checked by tables, properties and fuzzing.
//
// Assumption: a server's clock gains at most the drift factor on the holder's while a lock is
// held. A Monitor sees much of what breaks it, and not all; see docs/safety.md.
package clockdrift
