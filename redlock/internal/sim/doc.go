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
//   - Votes: no voter gives a lock to another before its deadline has passed in true time, unless
//     it was given back; a lock is given back on its owner's command only; registers never fall.
//   - Wolves: no client takes a clock for one that's hours off if it isn't.
//   - Tidiness: once the last release is out no key is left but the records.
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
//   - at most a minority of the voters' clocks are wrong at a time, and do anything at any time: jump, there
//     and back, between any two looks, nearly stop, run fifty times as fast; by up to hours, each by
//     itself or all alike. It's the same minority in a run, or one voter after the other.
//
// The other clocks are within nine tenths of [MaxClockError] of true time, and are stepped within
// that. True time is theirs: the clients' clocks run at another rate, within the drift factor.
//
// Fencing tokens are held to a promise without clocks: they grow if the voters keep their
// registers, whatever the clients' wall clocks say, and, where voters forget, if the wall
// clocks agree to within an eighth of MaxTTL.
package sim
