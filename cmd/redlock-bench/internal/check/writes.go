package check

import (
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// WritesResult is what [Writes] found in one register.
type WritesResult struct {
	// StaleAccepted and StaleRefused count the stale writes, by what the register did.
	StaleAccepted, StaleRefused int
	// Stale are the places of these writes in the history.
	Stale []int
	// Lost counts the increments that were overwritten by a client which hadn't seen them.
	Lost int
}

// Writes judges the writes to one register.
//
// A write is stale if the register had before it a write under a later lock. Later means that
// the one acquisition began after the other had returned; acquisitions at the same time are in
// no order. Only an accepted write makes those before it stale.
func Writes(h *history.History, register history.Register) WritesResult {
	acquired := acquisitions(h)
	var result WritesResult
	var value int64
	var latest time.Duration = -1 // when the latest lock that has written was asked for
	for i, w := range h.Writes {
		if w.Register != register {
			continue
		}
		own, known := acquired[history.Holder{Client: w.Client, Lease: w.Lease}]
		stale := known && own.Returned < latest
		if stale {
			result.Stale = append(result.Stale, i)
		}
		switch {
		case stale && w.Accepted:
			result.StaleAccepted++
		case stale:
			result.StaleRefused++
		}
		if !w.Accepted {
			continue
		}
		if value > w.Read {
			result.Lost += int(value - w.Read)
		}
		value = w.Read + 1
		latest = max(latest, own.Invoked)
	}
	return result
}

// holders are the successful acquisitions.
type holders map[history.Holder]history.Operation

// name says which acquisition is meant by when it was granted. A reader finds that in the drawing of a history. The
// number of the acquisition says nothing there: it counts those before the experiment, and the refused ones.
func (all holders) name(h *history.History, holder history.Holder) string {
	o, known := all[holder]
	if !known {
		return holder.Client
	}
	return fmt.Sprintf("%s (granted at %s)", holder.Client, since(h, o.Returned))
}

// acquisitions returns the successful acquisitions by their holders.
func acquisitions(h *history.History) holders {
	acquired := make(holders)
	for _, o := range h.Operations {
		if o.Op == protocol.Acquire && !o.Open() && o.OK {
			acquired[history.Holder{Client: o.Client, Lease: o.Lease}] = o
		}
	}
	return acquired
}
