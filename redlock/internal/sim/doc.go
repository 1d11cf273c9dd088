// Package sim is a deterministic simulation of lockers, voters and everything between them
// that can fail. A seed decides all of it: how many voters and clients there are, how fast
// messages travel, what the clients do, which faults strike and when. The library runs
// unchanged on embedded nodes, in the virtual time of [testing/synctest], so a run of ten
// seconds takes a fraction of one, and one seed gives one trace, byte for byte.
//
// [NewPlan] turns a seed into a [Plan], [Run] carries it out and returns a [Report].
//
// # What every run checks
//
//   - Exclusion: whenever anything happens to a client, at most one lock of a name says that
//     it is valid, counting the clients whose process is alive. A lock is valid when it's
//     given out, and never again once it wasn't.
//   - Fencing: a token is larger than all those of its name that were known when the
//     acquisition began, and no two are equal.
//   - Votes: a voter changes a lock only on its owner's command, and never lowers a register.
//   - Wolves: no client takes a clock for a wrong one that isn't.
//   - Ghosts: a voter plants no lock when nobody can be waiting for it any more, and once the
//     last release is out no key is left but the fencing registers.
//   - Recovery: when the faults have ended, an old client and a new one get every lock within [Recovery].
//   - Nothing waits for ever: synctest ends a run in which all goroutines are blocked.
//
// # Under which faults
//
// Without any limit: messages delayed, held, or lost in either direction; links and voters
// that stop and go on; voters that crash and come back with their memory; clients that are
// killed at any point, stop without releasing, or are stopped in the midst of a call. With the
// guards on, exclusion must hold beyond that while
//
//   - any number of voters forget everything, at any time, even all at once;
//   - at most a minority of the voters have wrong clocks, the same ones throughout a run. A
//     clock goes wrong by a jump of at least [Visible] in either direction, or by running
//     slower. One that runs faster than the drift factor allows has jumped ahead first. A
//     jump never brings a clock back to where it was before, unless it's forward and comes
//     within half of [MaxTTL] after the jump back that it undoes. The other voters' clocks are
//     within half of the tolerance at first contact of the right time, and gain less on the
//     clients, steps included, than a [clockdrift.Monitor] tolerates.
//
// These limits are the guards' own. A clock is watched through replies, so a jump that is
// shorter than a few round trips, but longer than the allowance, isn't seen for certain; and a
// client that meets a voter for the first time sees a wrong clock, but not that it was wrong
// before. See docs/safety.md.
//
// Fencing tokens are held to a promise without clocks: they grow if the voters keep their
// registers, whatever the clients' wall clocks say, and, where voters forget, if the wall
// clocks agree to within an eighth of MaxTTL.
package sim
