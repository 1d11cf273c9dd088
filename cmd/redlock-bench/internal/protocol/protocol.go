// Package protocol is the language between the harness and a client under test.
//
// A client under test (a worker) is a child process. The harness writes one [Request] as a line
// of JSON to its standard input, and the worker answers each with one [Reply] as a line of JSON
// on its standard output, in order, one at a time. What a worker writes to standard error is
// shown when it fails. docs/worker-protocol.md describes this for writers of workers.
//
// All times are readings of the host's boot clock in nanoseconds (CLOCK_BOOTTIME on Linux, see
// clockdrift.System), because that's the clock on which the beliefs of several processes can be
// compared.
package protocol

import "time"

// Version is the version of the protocol that this package speaks. Both sides name theirs in
// the greeting, and different ones don't talk to each other.
const Version = 1

// An Op is what a request asks for.
type Op string

const (
	// Hello is the first request. It carries the worker's configuration.
	Hello Op = "hello"
	// Acquire makes one attempt to take the lock Name for TTL.
	Acquire Op = "acquire"
	// Extend prolongs the lock to its full TTL from now.
	Extend Op = "extend"
	// Release gives the lock back, held or not.
	Release Op = "release"
	// Check looks whether the worker may still trust its lock.
	Check Op = "check"
	// Read fetches the resource's counters and keeps them.
	Read Op = "read"
	// Write stores the counters last read, plus one, in the resource.
	Write Op = "write"
	// Change makes the nodes vote for the list that the worker joins, see [Config.Joining], instead of its own.
	Change Op = "change"
	// Exit ends the worker after its reply.
	Exit Op = "exit"
)

// A Request is one line from the harness to a worker.
type Request struct {
	// ID is repeated in the reply. IDs grow by 1 from one request to the next. They begin with 1, and go on where a client is started anew.
	ID int64 `json:"id"`
	Op Op    `json:"op"`
	// Now is the boot clock when the request was sent, for workers that can't read that clock
	// and have to compute it from one of their own.
	Now time.Duration `json:"now_ns"`

	// Config is set in a [Hello] only.
	Config *Config `json:"config,omitempty"`
	// Name is the lock's name, in all requests but Hello, Change and Exit.
	Name string `json:"name,omitempty"`
	// TTL is set in an [Acquire] only.
	TTL Milliseconds `json:"ttl_ms,omitempty"`
	// CancelAfter, in an [Acquire] and a [Change], is when the caller gives up and cancels the attempt; 0 is never.
	CancelAfter Milliseconds `json:"cancel_after_ms,omitempty"`
	// Wait, in an [Acquire], lets the worker wait for the lock until then, and not make just one attempt.
	Wait bool `json:"wait,omitempty"`
	// Gone, in a [Change], are the names of the nodes that won't ever answer again.
	Gone []string `json:"gone,omitempty"`
	// Recheck makes a [Write] look at the lock right before, and not write if it's no longer valid.
	Recheck bool `json:"recheck,omitempty"`
	// Suspend makes a [Check] stop its own process by SIGSTOP before it looks, and, once continued,
	// act as if the machine had been suspended meanwhile.
	Suspend bool `json:"suspend,omitempty"`
	// StopAfterCheck makes a [Write] stop its own process by SIGSTOP right after that look.
	StopAfterCheck bool `json:"stop_after_check,omitempty"`
}

// Config tells a worker who it is and what it works on.
type Config struct {
	Version int `json:"version"`
	// Client is the worker's name in reports.
	Client string `json:"client"`
	// Subject is the lock algorithm to use, for workers that have several.
	Subject string `json:"subject"`
	// Nodes are the redis:// URLs of the voters. They lead through this worker's own links.
	Nodes []string `json:"nodes"`
	// Names are what to call the nodes, the same for all clients: each has links of its own to them.
	Names []string `json:"names,omitempty"`
	// Joining, if not empty, are the URLs of a second list of nodes, and JoiningNames what to call these. A lock then takes a majority
	// of each list. Only workers that announce [Reply.Joins] are given one.
	Joining      []string `json:"joining,omitempty"`
	JoiningNames []string `json:"joining_names,omitempty"`
	// Resource is the http:// URL of the resource that the lock protects.
	Resource string `json:"resource"`
	// NodeTimeout is how long to wait for one voter.
	NodeTimeout Milliseconds `json:"node_timeout_ms"`
	// TTL is the longest that an Acquire will ask for.
	TTL Milliseconds `json:"ttl_ms"`
	// Clock, if not empty, names the page that says how the worker's clock differs from the host's, see package
	// clockpage.
	Clock string `json:"clock,omitempty"`
}

// A Reply is one line from a worker to the harness.
type Reply struct {
	ID int64 `json:"id"`
	// OK tells whether the lock (or the resource) granted what was asked. A refusal is a
	// result like any other; a worker that can't work should end with a message instead.
	OK bool `json:"ok"`
	// Error says in words why OK is false.
	Error string `json:"error,omitempty"`
	// Version and Fencing answer a [Hello]: whether locks carry fencing tokens.
	Version int  `json:"version,omitempty"`
	Fencing bool `json:"fencing,omitempty"`
	// Uses, in a [Hello], lists the places of the nodes that the lock lives on; none means all.
	Uses []int `json:"uses,omitempty"`
	// Suspends, in a [Hello], tells that the worker can act as if its machine had been suspended.
	Suspends bool `json:"suspends,omitempty"`
	// Bends, in a [Hello], tells that the worker's clock follows the page that its config names.
	Bends bool `json:"bends,omitempty"`
	// Joins, in a [Hello], tells that the lock can take a majority of two lists of nodes, and that the worker can [Change] the nodes from one to the other.
	Joins bool `json:"joins,omitempty"`
	// Waits, in a [Hello], tells that the lock can be waited for.
	Waits bool `json:"waits,omitempty"`
	// Renews, in a [Hello], tells that the lock renews itself in the background.
	Renews bool `json:"renews,omitempty"`

	// Token is the value that marks the acquisition on the voters; from [Acquire].
	Token string `json:"token,omitempty"`
	// Fence is the fencing token; 0 without fencing. From [Acquire].
	Fence int64 `json:"fence,omitempty"`
	// ValidUntil is the instant at which the worker stops to believe in its lock, as it sees
	// it at Returned; anything up to Returned means that it doesn't believe in it. It's in
	// the replies to all requests about a lock but Release.
	ValidUntil time.Duration `json:"valid_until_ns,omitempty"`
	// LostAt, where a lock tells its holder of its loss, is when it did; 0 if it hasn't.
	LostAt time.Duration `json:"lost_at_ns,omitempty"`
	// Invoked and Returned are when the worker began and finished what was asked. They are in
	// all replies but those to Hello and Exit.
	Invoked  time.Duration `json:"invoked_ns,omitempty"`
	Returned time.Duration `json:"returned_ns,omitempty"`
	// Counters are what the resource held; from [Read].
	Counters *Counters `json:"counters,omitempty"`
}

// Milliseconds is a span of time on the wire.
type Milliseconds int64

// Duration converts m.
func (m Milliseconds) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

// InMilliseconds converts d, cutting off a fraction.
func InMilliseconds(d time.Duration) Milliseconds { return Milliseconds(d / time.Millisecond) }
