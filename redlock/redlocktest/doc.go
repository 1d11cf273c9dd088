// Package redlocktest is a quorum of embedded Redis nodes with controllable faults, for the
// tests of anyone who uses quorum locks. It needs nothing installed and opens no port unless
// asked to.
//
//	func TestJob(t *testing.T) {
//		q := redlocktest.New(t, 5)
//		locker := lockertest.New(t, q.Member("alice"))
//		...
//		q.Node(2).Crash()
//		q.Member("alice").Link(3).DropReplies(1)
//		q.Partition(0, 1)
//		token, held := q.Holder("job")
//	}
//
// Package lockertest, below this one, makes a locker with its member's clock. Whoever calls
// redlock.New with [Member.Clients] gives it redlock.WithClock([Member.Clock]) too: otherwise
// [Clock.Suspend] has no effect, and the test fails for it.
//
// A [Quorum] has nodes and members. A [Node] is a server, with a clock of its own ([Node.Jump],
// [Node.SetRate]) and a process that can be paused, killed and restarted. A [Member] is a client
// machine, with a [Link] to each node that can be cut, delayed, or lose messages, and with a
// [Clock] that can be suspended. Faults take effect before the method returns, and last until
// the method that ends them is called, or until the quorum is closed: a test needs no clean-up.
//
// # Real time and virtual time
//
// Clients reach the nodes through memory, so the package works in real time as well as inside
// a [testing/synctest] bubble, where a test of a 10 s lock takes milliseconds. In a bubble, call
// [New] with the bubble's own T, and use neither [Node.Listen] nor TCP.
//
// Inside a bubble a run repeats exactly, byte for byte and nanosecond for nanosecond, provided
// that:
//
//   - [WithLatency] spreads the messages, so that no two events fall into the same instant,
//     whose order would be the scheduler's choice;
//   - the commands go through [Member.Clients], and the program under test doesn't itself
//     depend on the order in which goroutines run in one instant.
//
// A client with other options ([Member.Client]) must have a connection pool large enough that
// nobody ever waits for it: go-redis 9.23 keeps the timers for that wait in a process-wide
// pool, and the runtime ends the process when a bubble uses a timer of another one.
//
// # What is faithful to a real server
//
// The package's conformance test runs the same steps against an embedded node and a real
// redis-server 7.0: SET with NX and PX, compare-and-delete and PEXPIRE in Lua, PTTL, TIME,
// EVALSHA and NOSCRIPT, integers up to 2^53 in Lua, PUBLISH, pipelines, transactions, RESP 2 and
// 3, INFO (run_id and role among others), ROLE, CONFIG GET.
//
//   - A key expires at an instant of its node's wall clock, so its remaining time follows jumps
//     and rates, also while the node is paused or down.
//   - A node executes one command at a time, in the order of arrival. A paused one still takes
//     connections and requests, and executes them when it resumes, even those whose client has
//     gone. Each restart gives a new run id and forgets scripts.
//   - A cut link delivers what was sent when it heals, as TCP does, and a client whose node
//     crashed behind a cut doesn't hear of it before.
//   - go-redis finds out that a pooled connection is dead before it uses it, as with a socket.
//
// # What isn't
//
//   - Keys expire to the nanosecond. A real server counts whole milliseconds and is up to one
//     later. TTL (not PTTL) rounds down.
//   - Time stands still during a script, where a real server's TIME goes on.
//   - Lua's tostring shows large integers exactly; on a real server it has 14 digits, so write
//     string.format("%.0f", n) in scripts.
//   - Commands that block are refused (BLPOP and its kin, XREAD with BLOCK, WAIT even for no
//     replica), directly as well as within MULTI. RESET, FUNCTION, ACL, CLIENT TRACKING, HPEXPIRE's kin
//     of Redis 7.4, replication and what else miniredis lacks is missing.
//   - Within MULTI, INFO, ROLE, CONFIG and AUTH answer at once, and so do the errors for an
//     expiry or a database out of range: EXEC runs the rest without them.
//   - Times to live end at 292 years. Beyond, PEXPIRE and EXPIRE are errors, also for a key that
//     doesn't exist, where a real server takes some more, and any negative ones.
//   - SET takes NX with XX, and KEEPTTL with PX. INCR takes 01 for a number.
//   - Errors of the Lua interpreter have other texts after their first words. Scripts that use
//     SELECT, cjson or other functions off the beaten track run in miniredis, whose errors begin with
//     "ERR Error compiling script". bit, struct and cmsgpack are missing.
//   - CONFIG SET changes what is reported, not what the node does. CONFIG, CLIENT, OBJECT and SCRIPT
//     have fewer subcommands.
//   - What testdata/conformance.txt marks with "!" besides: each is a text or a rare option.
//   - There is no disk: [Node.Restart] either keeps every write or loses all.
//   - Over TCP, a dial across a cut link or to a crashed node succeeds, see [Link.Listen].
package redlocktest
