package protocol

import (
	"fmt"
	"slices"
	"time"
)

// slack is by how much the times in a reply may miss the span in which the harness waited for
// it. A worker that reads the boot clock itself needs none; one that computes it from [Request.Now]
// is off by the time that a line takes through a pipe.
const slack = 20 * time.Millisecond

// Plausible checks a reply to r that was received at the given time from a worker which did or
// didn't announce fencing. A worker whose reports can't be true can't be judged.
func (r Request) Plausible(reply Reply, received time.Duration, fencing bool) error {
	switch {
	case reply.ID != r.ID:
		return fmt.Errorf("replied with id %d to %s with id %d", reply.ID, r.Op, r.ID)
	case r.Op == Hello:
		return plausibleUses(r.Config, reply.Uses)
	case r.Op == Exit:
		return nil
	case reply.Invoked < r.Now-slack || reply.Returned < reply.Invoked || received+slack < reply.Returned:
		return fmt.Errorf("reported that %s ran from %d to %d, but it was sent at %d and answered by %d (ns, boot clock)",
			r.Op, reply.Invoked, reply.Returned, r.Now, received)
	case r.Op == Read && reply.OK && reply.Counters == nil:
		return fmt.Errorf("replied to %s without counters", r.Op)
	case r.Op != Acquire || !reply.OK:
		return nil
	case reply.Token == "":
		return fmt.Errorf("acquired without a token")
	case fencing != (reply.Fence > 0):
		return fmt.Errorf("announced fencing %v and acquired with fencing token %d", fencing, reply.Fence)
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
