package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// TokensResult is what [Tokens] found.
type TokensResult struct {
	Verdict Verdict
	// Faults says in a sentence each what is wrong with which tokens.
	Faults []string
}

// Tokens checks that no two acquisitions have the same fencing token, and that one which began
// after another had returned has the larger. The verdict is [None] if no acquisition has a token.
func Tokens(h *history.History) TokensResult {
	acquired := acquisitions(h)
	name := func(o history.Operation) string {
		return acquired.name(h, history.Holder{Client: o.Client, Lease: o.Lease})
	}
	byStart := slices.Collect(maps.Values(acquired))
	order(byStart, func(o history.Operation) int64 { return int64(o.Invoked) })
	byEnd := slices.Clone(byStart)
	order(byEnd, func(o history.Operation) int64 { return int64(o.Returned) })

	result := TokensResult{Verdict: None}
	owners := make(map[int64]history.Operation)
	var highest history.Operation // with the largest token among those that had returned
	returned := 0
	for _, o := range byStart {
		for ; returned < len(byEnd) && byEnd[returned].Returned < o.Invoked; returned++ {
			if byEnd[returned].Fence > highest.Fence {
				highest = byEnd[returned]
			}
		}
		if o.Fence > 0 {
			if result.Verdict == None {
				result.Verdict = Held
			}
			if owner, taken := owners[o.Fence]; taken {
				result.fault("%s: %s and %s both have the token %d", since(h, o.Returned), name(owner), name(o), o.Fence)
			}
			owners[o.Fence] = o
		}
		if o.Fence < highest.Fence {
			result.fault("%s: %s has the token %d, and %s, which was over before it began, has %d",
				since(h, o.Returned), name(o), o.Fence, name(highest), highest.Fence)
		}
	}
	return result
}

func (r *TokensResult) fault(format string, args ...any) {
	r.Verdict = Violated
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// order sorts by key, and where that's equal by what never is.
func order(operations []history.Operation, key func(history.Operation) int64) {
	slices.SortFunc(operations, func(a, b history.Operation) int {
		return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Lease, b.Lease))
	})
}
