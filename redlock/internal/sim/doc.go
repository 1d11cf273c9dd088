// Package sim is a deterministic simulation of lockers, voters and everything between them
// that can fail. A seed decides all of it: how many voters and clients there are, how fast
// messages travel, what the clients do, which faults strike and when. The library runs
// unchanged on embedded nodes, in the virtual time of [testing/synctest], so a run of ten
// seconds takes a fraction of one. One seed gives one trace, byte for byte, unless two goroutines of a client become
// ready at the same instant: which of them runs first is up to Go's runtime. So a replay may have to be run a few times.
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
//   - Trespass: a voter gives a lock that wasn't given back to another only when its deadline is
//     past by true time, and a lock is given back only on its owner's command. [Report] counts
//     how often a voter gave away a lock whose time was over.
//   - Registers: none ever falls.
//   - Wolves: no client says of a right clock that it's astray.
//   - Tidiness: once the last release is out, no key is left but the records.
//   - Recovery: when the faults have ended, an old client and a new one get every lock within [Recovery].
//   - Turns: when the faults have ended, no client that waits is overtaken more than twice by each other one that came later, and the lock
//     isn't free while somebody waits for longer than a few node time-outs, wherever the faults have left clocks, voters and lines.
//   - Nothing waits for ever: synctest ends a run in which all goroutines are blocked.
//
// # What the shapes of lock add
//
// [NewShapesPlan] has the clients take several locks at once, lead, take slots of a semaphore, have locks kept for a while and
// forget locks that have an end, under the same faults. On top of the above:
//
//   - All: whoever works under several locks is told of the first loss, and none of them counts as valid together with a lost one.
//     After the faults, two clients that name the same locks in opposite orders both get them.
//   - Leadership: a client has one term at a time, also if its function ignores that it was told to stop. Of all clients at most
//     one leads that wasn't told to stop, unless clients are stopped or paused; its lock is the only valid one in any case.
//   - Slots: no more locks are valid than there are slots.
//   - Kept: nobody gets a lock that was given back before the end of its AtLeast, for longer than MaxTTL only if no voter forgets.
//   - Forgotten: no lock is valid after the end of its MaxHold, whatever renews it.
//
// # What changes of the list of voters add
//
// One seed in sixteen replaces voters, and each one of [NewChangesPlan]: twice to four times in a row, back and forth between two lists, or onward
// among three. Clients get any of the lists, or two of them that follow each other, at any time. Some change the voters, and are killed, time out, or
// meet another that does the same, or, between two lists, the contrary. All that's said above is checked across all lists, on names of which
// some aren't used for a while. When the faults have ended a change must be complete within three times MaxTTL. Minorities are minorities of each
// list. At first all voters know the first list, as they do when somebody has begun to join it with another. All of them may forget, one after the other: at
// any moment only a minority of each list hasn't been told again. Who reaches nobody who remembers could begin anew, see docs/safety.md.
//
// # Under which faults
//
// Without any limit: messages delayed, for up to [Linger], held, or lost in either direction;
// links and voters that stop and go on; voters that crash and come back with their memory;
// clients that are killed at any point, stop without releasing, or are stopped in the midst of a
// call. With the guards on, exclusion must hold beyond that while
//
//   - any number of voters forget everything, at any time, even all at once;
//   - at most a minority of the clocks are wrong at a time, in any way: they jump forward, back,
//     or there and back before anybody looks, by up to hours, stand still, or run at fifty times
//     the right rate. No rule keeps their faults apart. In some runs the same voters' clocks are wrong
//     throughout, in others one voter's clock is after the other's;
//   - the other clocks are within [MaxClockError] of true time, and step about within it;
//   - true time and the clients' clocks run at rates that differ by less than [DriftFactor].
//
// Where the wrong clocks take turns, the next one goes wrong no sooner than two exchanges after the
// last one was put right: a client puts readings of its voters together that it got within one
// exchange. See docs/safety.md.
//
// Fencing tokens are held to the promise without clocks, and to the one where voters forget: whatever the clients' wall clocks say, they grow.
package sim
