// Package redlocktest is a quorum of embedded Redis nodes with controllable faults, for the
// tests of anyone who uses quorum locks. It needs nothing installed and opens no port unless
// asked to.
//
//	func TestJob(t *testing.T) {
//		q := redlocktest.New(t, 5)
//		locker, err := redlock.New(q.Clients())
//		...
//		q.Node(2).Crash()
//		q.Member("").Link(3).DropReplies(1)
//	}
//
// A [Quorum] has nodes and members. A [Node] is a server, with a clock of its own ([Node.Jump],
// [Node.SetRate]) and a process that can be paused, killed and restarted. A [Member] is a client
// machine, with a [Link] to each node that can be cut, delayed, or lose messages, and with a
// [Clock] that can be suspended. Faults take effect before the method returns, and last until
// the method that ends them is called.
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
//   - The texts of some errors differ after their first words, those of failing scripts above
//     all. CONFIG SET changes what is reported, not what the node does. INFO, ROLE and CONFIG
//     answer at once within MULTI.
//   - Blocking commands (BLPOP and the like) are refused; FUNCTION, CLIENT TRACKING, ACLs,
//     replication and what else miniredis lacks is missing.
//   - There is no disk: [Node.Restart] either keeps every write or loses all.
//   - Over TCP, a dial across a cut link or to a crashed node succeeds, see [Link.Listen].
package redlocktest
