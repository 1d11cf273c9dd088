package protocol

// Counters is the resource's state: one counter that is kept twice, in a register that takes
// every write and in one that checks fencing tokens. Whatever happens to a write on its way
// happens to both, so the difference between the two is what fencing does.
type Counters struct {
	Plain  int64 `json:"plain"`
	Fenced int64 `json:"fenced"`
}

// CountersPath is where the resource serves its counters: GET answers [Counters], POST takes a
// [Update] and answers a [Receipt].
const CountersPath = "/counters"

// Update is a write to the resource, by a client that has read the counters and wants to add
// one. The fencing token, if there is one, travels in the header Fencing-Token.
type Update struct {
	Client string `json:"client"`
	// Lease is the ID of the [Acquire] request under whose lock this is written.
	Lease int64 `json:"lease"`
	// Read is what the counters were when the client read them.
	Read Counters `json:"read"`
}

// Receipt says what the resource did with an [Update].
type Receipt struct {
	Plain bool `json:"plain"` // always taken
	// Fenced tells whether the token was good. Without a token it's false: the fenced
	// register isn't touched.
	Fenced bool `json:"fenced"`
}
