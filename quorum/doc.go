// Package quorum asks a question of independent voters and decides by their majority. It
// knows nothing of Redis.
//
// [Tally] is the decision itself, as pure data: votes in, [Pending], [Won] or [Lost] out.
//
// [Group] owns the way to the voters. Each voter has queues, drained by workers that
// send all that is waiting in one exchange. So concurrent callers share a round trip. Urgent
// requests go first and always find room. The others are bounded.
//
// [Group.Start] hands one request to each voter. The [Ballot] that it returns is over as soon as the
// tally is decided: with five voters, at the third yes or the third no. What comes
// later still reaches a callback, because a late yes is a fact that somebody has to deal with.
//
// Guarantees:
//
//   - A ballot ends by its time-out, whatever the transports do: a voter that hangs costs a
//     place in its own queue and nothing else.
//   - What isn't urgent is refused at once when a queue is full of requests that somebody waits
//     for. Requests whose ballot is over make room. A caller with fewer ballots under way than
//     [Config.Queue] is never refused.
//   - Urgent requests with the same key reach a voter's transport in the order in which their ballots
//     were started. So do those that aren't urgent. An urgent one may go ahead of one that isn't, but
//     never of the one that it names in [Poll.After]. A repeated request goes to the end again.
//   - What [Ballot.Withdraw] took back is never sent.
//   - [Group.Close] returns when every worker has ended.
package quorum
