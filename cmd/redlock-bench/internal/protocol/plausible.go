package protocol

import (
	"fmt"
	"slices"
	"time"
)

// Slack is by how much the times in a reply may miss the span in which the harness waited for it. A worker
// that reads the boot clock itself needs none, and neither does one that computes it from [Request.Now]: right
// after a request its reading is no earlier than Now, since it goes by the largest difference, and it's behind
// by the time that a line takes through a pipe. What's left is for clocks that are read in milliseconds.
const Slack = time.Millisecond

// longestBelief, in TTLs after the reply, is the end of validity that can still be meant. No lock should
// reach beyond one TTL, which is for the checkers to find; but more than two is a slip of units.
const longestBelief = 2

// Terms are what the two sides agreed on in the greeting.
type Terms struct {
	// Fencing tells that the worker announced fencing tokens.
	Fencing bool
	// TTL is the longest that it's asked for; 0 bounds no belief.
	TTL time.Duration
}

// Plausible checks a reply to r that was received at the given time. A worker whose reports can't be true
// can't be judged.
func (r Request) Plausible(reply Reply, received time.Duration, terms Terms) error {
	switch {
	case reply.ID != r.ID:
		return fmt.Errorf("replied with id %d to %s with id %d", reply.ID, r.Op, r.ID)
	case r.Op == Hello:
		return plausibleUses(r.Config, reply.Uses)
	case r.Op == Exit:
		return nil
	case reply.Invoked < r.Now-Slack || reply.Returned < reply.Invoked || received+Slack < reply.Returned:
		return fmt.Errorf("reported that %s ran from %d to %d, but it was sent at %d and answered by %d (ns, boot clock)",
			r.Op, reply.Invoked, reply.Returned, r.Now, received)
	case reply.ValidUntil < 0 || reply.LostAt < 0:
		return fmt.Errorf("replied to %s with valid_until_ns %d and lost_at_ns %d: neither can be negative", r.Op, reply.ValidUntil, reply.LostAt)
	case terms.TTL > 0 && reply.ValidUntil-received > longestBelief*terms.TTL+Slack:
		return fmt.Errorf("replied to %s that its lock is valid until %v after the reply, more than two TTLs of %v", r.Op, reply.ValidUntil-received, terms.TTL)
	case reply.LostAt > received+Slack:
		return fmt.Errorf("replied to %s that its lock was lost %v after the reply", r.Op, reply.LostAt-received)
	case r.Op == Read && reply.OK && reply.Counters == nil:
		return fmt.Errorf("replied to %s without counters", r.Op)
	case r.Op != Acquire || !reply.OK:
		return nil
	case reply.Token == "":
		return fmt.Errorf("acquired without a token")
	case terms.Fencing != (reply.Fence > 0):
		return fmt.Errorf("announced fencing %v and acquired with fencing token %d", terms.Fencing, reply.Fence)
	}
	return nil
}

// plausibleUses checks the nodes that a worker says it uses.
func plausibleUses(c *Config, uses []int) error {
	for i, node := range uses {
		if node < 0 || node >= len(c.Nodes) {
			return fmt.Errorf("uses node %d; there are 0 to %d", node, len(c.Nodes)-1)
		}
		if slices.Contains(uses[:i], node) {
			return fmt.Errorf("uses node %d twice", node)
		}
	}
	return nil
}
