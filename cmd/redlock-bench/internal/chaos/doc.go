// Package chaos lets random faults loose on a lock that several processes fight over, judges what
// they believed, and shrinks a schedule under which the lock failed.
//
// A [Plan] is the whole schedule as data: the same seed gives the same plan, byte for byte. What
// the processes then do isn't repeatable, because they are real; so one run of a plan may find
// what the next one doesn't, and [Shrinker] asks for a schedule that fails several times.
//
// # The safety model
//
// Faults are unlimited in number, but all of them end, and a plan keeps to what a lock with
// guards claims to survive:
//
//   - A node is damaged from the loss of its memory, or the bending of its clock, until [settling]
//     and a TTL after the end of that. At no time is more than a minority of the nodes damaged.
//   - A clock that was moved forwards comes back no sooner than a TTL later, when the locks that
//     it forgot are over; one that was moved backwards comes back within a TTL, before anybody
//     trusts it again. No client that was cut off could see that a clock was away for longer
//     or shorter than that, which no lock on clocks survives.
//   - Clocks that run at a rate within 1 % of the host's hit any number of nodes. They are put right as
//     slowly, so that no node is ever wrong by more about how long something takes.
//   - Pauses, partitions, delays, and crashes that lose no memory hit any number of nodes and
//     clients.
//
// The plan is made by this model, and while it's carried out the model is enforced by what was
// really seen: a fault that would come too early because an earlier one took longer is skipped,
// and counted. What is outside of the model is reported as such.
package chaos
