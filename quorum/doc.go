// Package quorum asks a question of independent voters and decides by their majority. It
// knows nothing of Redis.
//
// [Tally] is the decision itself, as pure data: votes in, [Pending], [Won] or [Lost] out.
//
// [Group] owns the way to the voters. Each voter has bounded queues, drained by workers that
// send all that is waiting in one exchange, so concurrent callers share a round trip and a
// request never overtakes an earlier one with the same key. [Group.Start] hands one request
// to each voter; the [Ballot] it returns is over as soon as the tally is decided. What comes
// later still reaches a callback, because a late yes is a fact that somebody has to deal with.
//
// Guarantees:
//
//   - A ballot ends by its time-out, whatever the transports do: a voter that hangs costs a
//     place in its own queue and nothing else. A full queue answers at once.
//   - Requests with the same key reach a voter's transport in the order in which their
//     ballots were started. A repeated request (see [Poll]) goes to the end again.
//   - [Group.Close] returns when every worker has ended.
package quorum
