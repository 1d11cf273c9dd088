package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// The oracles below do the checkers' work a second time, in the most obvious way. Times are
// small whole numbers, so that many of them are equal.

// slowExclusion looks at every instant.
func slowExclusion(beliefs []history.Belief) (Verdict, time.Duration) {
	var certain, possible time.Duration
	for at := range time.Duration(200) {
		sure, maybe := map[history.Holder]bool{}, map[history.Holder]bool{}
		for _, b := range beliefs {
			if b.From <= at && at < b.Until {
				maybe[b.Holder] = true
				if b.Certain {
					sure[b.Holder] = true
				}
			}
		}
		if len(sure) > 1 {
			certain++
		}
		if len(maybe) > 1 {
			possible++
		}
	}
	switch {
	case certain > 0:
		return Violated, certain
	case possible > 0:
		return Unknown, 0
	}
	return Held, 0
}

// slowTokens compares every acquisition with every other.
func slowTokens(h *history.History) Verdict {
	verdict := None
	for _, a := range h.Operations {
		if a.Op != protocol.Acquire || a.Open() || !a.OK {
			continue
		}
		if a.Fence > 0 && verdict == None {
			verdict = Held
		}
		for _, b := range h.Operations {
			if b.Op != protocol.Acquire || b.Open() || !b.OK || a == b {
				continue
			}
			if a.Fence > 0 && a.Fence == b.Fence || a.Returned < b.Invoked && b.Fence < a.Fence {
				verdict = Violated
			}
		}
	}
	return verdict
}

// slowWrites looks back from each write at all those before it.
func slowWrites(h *history.History, register history.Register) WritesResult {
	var result WritesResult
	lock := func(w history.Write) *history.Operation {
		for i, o := range h.Operations {
			if o.Op == protocol.Acquire && !o.Open() && o.OK && o.Client == w.Client && o.Lease == w.Lease {
				return &h.Operations[i]
			}
		}
		return nil
	}
	var before []history.Write
	for i, w := range h.Writes {
		if w.Register != register {
			continue
		}
		stale := false
		for _, earlier := range before {
			mine, other := lock(w), lock(earlier)
			if mine != nil && other != nil && mine.Returned < other.Invoked {
				stale = true
			}
		}
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
		value := int64(0)
		if len(before) > 0 {
			value = before[len(before)-1].Read + 1
		}
		result.Lost += int(max(0, value-w.Read))
		before = append(before, w)
	}
	return result
}

// randomHistory makes up what a few clients did, with no regard to any lock.
func randomHistory(random *rand.Rand) *history.History {
	h := &history.History{}
	fencing := random.IntN(3) > 0
	for client := range 1 + random.IntN(4) {
		at := time.Duration(1 + random.IntN(20))
		for lease := range int64(1 + random.IntN(3)) {
			for _, op := range []protocol.Op{protocol.Acquire, protocol.Extend, protocol.Release} {
				if op != protocol.Acquire && random.IntN(2) == 0 {
					continue
				}
				o := history.Operation{Client: fmt.Sprint(client), Lease: lease, Op: op, Invoked: at, OK: random.IntN(4) > 0}
				at += time.Duration(random.IntN(6))
				o.Returned = at
				if random.IntN(12) == 0 {
					o.Returned = 0
				} else if o.OK && op != protocol.Release {
					o.ValidUntil = at + time.Duration(random.IntN(12))
				}
				if fencing && op == protocol.Acquire && o.OK {
					o.Fence = int64(1 + random.IntN(30))
				}
				h.Operations = append(h.Operations, o)
				at += time.Duration(random.IntN(6))
			}
		}
	}
	for range random.IntN(8) {
		o := h.Operations[random.IntN(len(h.Operations))]
		h.Writes = append(h.Writes, history.Write{
			Client: o.Client, Lease: o.Lease, Register: history.Plain,
			Read: int64(random.IntN(4)), Accepted: random.IntN(3) > 0,
		})
	}
	return h
}

func TestCheckersAgreeWithTheOracles(t *testing.T) {
	const seed, rounds = 1, 20_000
	random := rand.New(rand.NewPCG(seed, 0))
	verdicts := make(map[Verdict]int)
	for round := range rounds {
		h := randomHistory(random)
		beliefs := h.Beliefs()
		for i := range beliefs {
			beliefs[i].Until = min(beliefs[i].Until, 200) // where the oracle's world ends
		}
		exclusion, tokens := Exclusion(beliefs), Tokens(h)
		verdict, total := slowExclusion(beliefs)
		require.Equal(t, verdict, exclusion.Verdict, "round %d: %+v", round, beliefs)
		require.Equal(t, total, exclusion.Total, "round %d: %+v", round, beliefs)
		require.Equal(t, slowTokens(h), tokens.Verdict, "round %d: %+v", round, h.Operations)
		require.Equal(t, slowWrites(h, history.Plain), Writes(h, history.Plain), "round %d: %+v", round, h)
		verdicts[exclusion.Verdict]++
		verdicts[tokens.Verdict]++
	}
	for _, v := range []Verdict{Held, Violated, Unknown, None} {
		assert.Greater(t, verdicts[v], rounds/100, "too few histories are %s to show anything", v)
	}
}

func TestVerdictsDontDependOnTheOrderOfTheRecord(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 0))
	for range 1000 {
		h := randomHistory(random)
		beliefs := h.Beliefs()
		want := Exclusion(beliefs)
		slices.Reverse(beliefs)
		require.Equal(t, want, Exclusion(beliefs))
	}
}
