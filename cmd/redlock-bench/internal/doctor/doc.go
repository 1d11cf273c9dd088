// Package doctor examines a set of running Redis servers and says whether package redlock can
// safely take locks on them, and what to change if not.
//
// What is guaranteed:
//
//   - It only reads, apart from one probe key with a random name, which one script sets, tries
//     and deletes again, and which expires by itself. The script stays in the server's cache.
//   - Every question to a server has a time-out of its own, so a server that hangs or isn't
//     there costs a few time-outs and no more.
//   - Passwords show up nowhere in what it returns.
//   - Every statement about a clock is a bound: a voter read its clock between our sending and
//     our receiving, and nothing more is assumed.
//
// It sees what servers say of themselves, from one place, for a few seconds. What that can't
// show is in [Report.Unchecked].
package doctor
