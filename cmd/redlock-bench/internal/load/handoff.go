package load

import (
	"cmp"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

// handoffs is how names went from one client to the next.
type handoffs struct {
	// took is from each release while somebody waited to the next acquisition.
	took *loadgen.Latencies
	// count is how many of them there were.
	count int
	// waited is how many of them went to a client that waited when the lock was released, and not to a
	// newcomer.
	waited int
	// overlaps is how many clients acquired a lock before its holder began to release it.
	overlaps int
}

// account works out the hand-offs from all clients' turns. A load ends at end, on the same clock: a
// release after which nobody got the lock until then counts with the time that was left.
func account(turns []loadgen.Turn, end time.Duration) handoffs {
	h := handoffs{took: loadgen.NewLatencies()}
	byName := make(map[int][]loadgen.Turn)
	for _, t := range turns {
		byName[t.Name] = append(byName[t.Name], t)
	}
	for _, own := range byName {
		h.add(own, end)
	}
	return h
}

// add accounts for the turns of one name.
func (h *handoffs) add(turns []loadgen.Turn, end time.Duration) {
	slices.SortFunc(turns, func(a, b loadgen.Turn) int { return cmp.Compare(a.Acquired, b.Acquired) })
	// From the last turn to the first: longest is since when the longest waiting of all later ones waits.
	longest := loadgen.Never
	for i := len(turns) - 1; i >= 0; i-- {
		t := turns[i]
		if t.Acquired != loadgen.Never && i+1 < len(turns) {
			next := turns[i+1]
			if next.Acquired < t.Released {
				h.overlaps++
			}
			if longest < t.Released && t.Released < end {
				h.count++
				h.took.Record(min(next.Acquired, end) - t.Released)
				if next.Acquired != loadgen.Never && next.Asked < t.Released {
					h.waited++
				}
			}
		}
		longest = min(longest, t.Asked)
	}
}
