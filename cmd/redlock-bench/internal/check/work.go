package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// What has to happen under random faults before a verdict can be held. The lock of this module, with a
// fault every 0.4 TTLs, gets 20 times as much done.
const (
	// leastEvery is the longest mean time between two acquisitions, in TTLs.
	leastEvery = 4
	// fewestAcquired is how many there must be however short the run is.
	fewestAcquired = 5
	// leastShare is the share of the acquisitions that each client must have, of an even one.
	leastShare = 0.1
	// leastContended is how many attempts must come while another client believes, and leastWritten how
	// many writes must reach the resource, for each acquisition; leastBelieved is the share of the
	// acquisitions that must have been believed in.
	leastContended, leastWritten, leastBelieved = 0.1, 0.25, 0.5
)

// LeastWork says what has to happen under random faults before a verdict can be held.
func LeastWork() string {
	return fmt.Sprintf("\"No violation found\" is said only where enough happened; otherwise it's \"unknown\". Enough is this. Each kind of fault was seen to work, and %.0f %% of all faults. "+
		"There was one acquisition per %d TTLs, and at least %d. Each client had %.0f %% of an even share of them. Clients believed in %.0f of 100 acquisitions. "+
		"For 100 acquisitions, there were %.0f attempts while another client believed, and %.0f writes, each under an acquisition and with its token. "+
		"The lock was available for %.0f %% of the time.",
		100-100*mostUnseen, leastEvery, fewestAcquired, 100*leastShare, 100*leastBelieved, 100*leastContended, 100*leastWritten, 100*leastAvailable)
}

// work is what happened in a history.
type work struct {
	acquired map[string]int // by client
	asked    map[string]bool
	total    int
	believed int // acquisitions that were
	// contended counts the attempts that came while another client believed.
	contended int
	// writes counts those to the plain register, which every write goes to; strayed those under no
	// acquisition, and bare those without its token.
	writes, strayed, bare int
}

func workOf(h *history.History) work {
	w := work{acquired: make(map[string]int), asked: make(map[string]bool)}
	acquired, beliefs := acquisitions(h), certain(h)
	for holder := range acquired {
		w.acquired[holder.Client]++
		w.total++
		if len(beliefs.of(holder)) > 0 {
			w.believed++
		}
	}
	for _, o := range h.Operations {
		if o.Op != protocol.Acquire || o.Open() {
			continue
		}
		w.asked[o.Client] = true
		if beliefs.otherThan(o.Client, o.Invoked) {
			w.contended++
		}
	}
	for _, write := range h.Writes {
		if write.Register != history.Plain {
			continue
		}
		w.writes++
		own, known := acquired[history.Holder{Client: write.Client, Lease: write.Lease}]
		switch {
		case !known:
			w.strayed++
		case own.Fence != write.Fence:
			w.bare++
		}
	}
	return w
}

// race says why a scenario has nothing to show: each of them is about what two clients do, or the
// only one.
func race(h *history.History, w work) []string {
	var doubts []string
	if need := min(2, len(h.Clients)); len(w.asked) < need {
		doubts = append(doubts, fmt.Sprintf("%d of %d clients asked for the lock and had an answer, too few for what this is about", len(w.asked), len(h.Clients)))
	}
	if w.total > 0 && w.believed == 0 {
		doubts = append(doubts, fmt.Sprintf("%d acquisitions, and no client ever believed in one", w.total))
	}
	return append(doubts, w.astray()...)
}

// idle says in what too little happened under random faults.
func idle(h *history.History, w work) []string {
	var doubts []string
	lack := func(got, need int, what string) {
		if got < need {
			doubts = append(doubts, fmt.Sprintf("%d %s, of at least %d", got, what, need))
		}
	}
	need := fewestAcquired
	if h.TTL > 0 {
		need = max(need, int((h.End-h.Start)/(leastEvery*h.TTL)))
	}
	lack(w.total, need, fmt.Sprintf("acquisitions in %v", (h.End-h.Start).Round(time.Millisecond)))
	for _, client := range h.Clients {
		lack(w.acquired[client], max(1, share(w.total, leastShare/float64(len(h.Clients)))), "acquisitions by "+client)
	}
	lack(w.believed, share(w.total, leastBelieved), "acquisitions that were believed in")
	lack(w.contended, max(1, share(w.total, leastContended)), "attempts while another client believed")
	lack(w.writes, max(1, share(w.total, leastWritten)), "writes")
	return append(doubts, w.astray()...)
}

func share(of int, part float64) int { return int(float64(of) * part) }

// astray says which writes can't be judged.
func (w work) astray() []string {
	var doubts []string
	if w.strayed > 0 {
		doubts = append(doubts, fmt.Sprintf("%d of %d writes were under no acquisition that is known", w.strayed, w.writes))
	}
	if w.bare > 0 {
		doubts = append(doubts, fmt.Sprintf("%d of %d writes didn't carry the fencing token of their acquisition", w.bare, w.writes))
	}
	return doubts
}

// certainties are the certain beliefs of each client, in their order. Those of one client don't overlap.
type certainties map[string][]history.Belief

func certain(h *history.History) certainties {
	all := make(certainties)
	for _, b := range h.Beliefs() {
		if b.Certain {
			all[b.Holder.Client] = append(all[b.Holder.Client], b)
		}
	}
	return all
}

// of returns the beliefs of one acquisition.
func (c certainties) of(holder history.Holder) []history.Belief {
	own := c[holder.Client]
	first, _ := slices.BinarySearchFunc(own, holder.Lease, func(b history.Belief, lease int64) int { return cmp.Compare(b.Holder.Lease, lease) })
	end := first
	for end < len(own) && own[end].Holder == holder {
		end++
	}
	return own[first:end]
}

// otherThan tells whether a client other than this one believed at an instant.
func (c certainties) otherThan(client string, at time.Duration) bool {
	for other, beliefs := range c {
		i, _ := slices.BinarySearchFunc(beliefs, at, func(b history.Belief, at time.Duration) int { return cmp.Compare(b.From, at+1) })
		if other != client && i > 0 && beliefs[i-1].Until > at {
			return true
		}
	}
	return false
}
