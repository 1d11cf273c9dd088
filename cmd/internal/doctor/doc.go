// Package doctor examines a set of running Redis servers and says whether package redlock can
// safely take locks on them, and what to change if not.
//
// What is guaranteed:
//
//   - It only reads, apart from a probe: a lock with a random name is taken, extended and released on each node by
//     itself, through package redlock and without guards, and a script tries the rest of the commands on the same
//     keys. All of them are deleted again, and expire by themselves. No node is enrolled; what is known of its
//     enrolment stays as it is. The scripts stay in the server's cache.
//   - Every question to a server has a time-out of its own, so a server that hangs or isn't
//     there costs a few time-outs and no more.
//   - Passwords show up nowhere in what it returns.
//   - Every statement about a clock is a bound: a voter read its clock between our sending and
//     our receiving, and nothing more is assumed.
//
// It sees what servers say of themselves, from one place, for a few seconds. What that can't
// show is in [Report.Unchecked].
package doctor
