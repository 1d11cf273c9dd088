package subject

// Traits are what is known of how a lock algorithm works, and what some fault makes use of. An experiment's expectations are made of
// them: it says which traits it harms, and so why. A subject that the harness must catch has none, since nothing bad is expected of it.
type Traits uint

const (
	// NeedsOneNode: it's a lock on a single node, and refuses where that one is gone, for want of a majority to turn to.
	NeedsOneNode Traits = 1 << iota
	// LacksGuards: it counts the vote of a node whose clock jumped or whose memory is gone, as if nothing had happened; and nothing but
	// a fixed allowance makes up for a client's clock that is slow.
	LacksGuards
	// RecordsExpire: its guards rest on what the nodes have written of a lock, under a key with a time to live.
	RecordsExpire
	// TrustsDisks: it takes a node's word that what was acknowledged is on disk.
	TrustsDisks
	// AnyList: its nodes vote for whichever list of nodes a client has.
	AnyList
	// GoClock: it counts time on Go's clock, which stands still while the machine is suspended. Of peers it isn't noted.
	GoClock
	// TermFromReply: it counts a lock's time from the reply on, however late that is.
	TermFromReply
	// LateReplies: it doesn't look at its clock again once the replies to its first requests are there.
	LateReplies
	// TimerEndsBelief: a holder believes until a timer tells it otherwise, which goes off late in a process that was stopped, and counts
	// from the last renewal that was asked for, not from the last that was granted.
	TimerEndsBelief
	// BlindRelease: it deletes a lock's key without looking whose it is.
	BlindRelease
	// Revives: an extension takes a lock that is over, if nobody has it then.
	Revives
	// NoHealing: an extension doesn't give a quorum's lock to nodes that didn't grant it at first or lost it.
	NoHealing
	// WaitsForAll: it waits for each node that it asks, the slowest included.
	WaitsForAll
	// CancelledCleanup: it cleans up on its caller's context, which is cancelled if the caller gives up.
	CancelledCleanup
	// LateRequests: a request that the client has given up takes the lock whenever it arrives.
	LateRequests
	// RefusesItself: it takes its own key for another's, so a request that is carried out twice is refused.
	RefusesItself
)

// Any tells whether t has one of the others.
func (t Traits) Any(others Traits) bool { return t&others != 0 }

// textbook are the traits of locks that are written as the first descriptions have it.
const textbook = LacksGuards | AnyList | WaitsForAll | LateRequests | RefusesItself
