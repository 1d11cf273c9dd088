package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// Minorities says which acquisitions nobody can have granted, a sentence each: all the time from the
// request to the reply fewer than a majority of the nodes could answer the client. Such a lock excludes
// nobody, whether or not somebody else was there to show it.
//
// A node counts as out of reach only from when that was seen until its end began, by the clock of the
// harness.
func Minorities(h *history.History) []string {
	down := outages(h)
	var found []string
	for _, o := range h.Operations {
		client := slices.Index(h.Clients, o.Client)
		if o.Op != protocol.Acquire || o.Open() || !o.OK {
			continue
		}
		for _, used := range h.Lists(client, o.Invoked) {
			reached := 0
			for _, node := range used {
				cut := func(x outage) bool { return x.cuts(effect.NodeName(node), client, o) }
				if !slices.ContainsFunc(down, cut) {
					reached++
				}
			}
			if len(used) > 0 && reached <= len(used)/2 {
				found = append(found, fmt.Sprintf("%s: %s got the lock while no more than %d of its %d nodes could answer", since(h, o.Returned), o.Client, reached, len(used)))
				break
			}
		}
	}
	return found
}

// outage is a span in which a node answers nobody, or not these clients.
type outage struct {
	effect.Change
	from, until time.Duration
}

func (x outage) cuts(node string, client int, o history.Operation) bool {
	sent, received := o.Sent, o.Received
	if received == 0 {
		sent, received = o.Invoked, o.Returned
	}
	return x.Node == node && (x.State != effect.CutOff || slices.Contains(x.Clients, client)) && x.from <= sent && received <= x.until
}

// outages are certain ones. Of several at once on one link or node, the first end ends all.
func outages(h *history.History) []outage {
	var all []outage
	for _, p := range h.Faults {
		c := p.Change
		if c.Node == "" || !slices.Contains([]effect.State{effect.Stopped, effect.Down, effect.Shut, effect.CutOff}, c.State) {
			continue
		}
		if !c.Over {
			all = append(all, outage{c, p.Seen, history.Forever})
			continue
		}
		for i, x := range all {
			mended := func(client int) bool { return slices.Contains(c.Clients, client) }
			if x.Node == c.Node && x.State == c.State && (c.State != effect.CutOff || slices.ContainsFunc(x.Clients, mended)) {
				all[i].until = min(x.until, p.Began)
			}
		}
	}
	return all
}

// since is an instant as findings tell it.
func since(h *history.History, at time.Duration) string {
	return fmt.Sprintf("+%v", (at - h.Start).Round(100*time.Microsecond))
}
