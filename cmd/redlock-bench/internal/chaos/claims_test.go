package chaos

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
)

// TestEachClaimHasTheFaultsOfThoseBefore states which faults a lock has to survive that claims it.
func TestEachClaimHasTheFaultsOfThoseBefore(t *testing.T) {
	want := []string{"pause-node", "pause-client", "partition", "asymmetric-partition", "slow-node", "reset", "duplicate", "replay", "reorder",
		"max-clients", "file-limit", "stalling-disk"}
	more := map[Claim][]string{
		Restarts: {"crash-keep", "rolling-restart", "full-disk"}, Drift: {"clock-drift", "client-drift"}, LostMemory: {"crash-lose", "flush", "failover", "rolling-failover", "evict-locks", "evict-all", "lying-disk"}, Clocks: {"clock-forward", "clock-backward", "clock-rate", "clock-strobe"},
		Voters: {"replace-voter", "replace-dead-voter"},
	}
	for _, claim := range Claims() {
		want = append(want, more[claim]...)
		assert.ElementsMatch(t, want, slices.Collect(maps.Keys(claim.Weights(cluster.Redis))), claim)
		p, err := Generate(blank(1, 5*time.Minute), cluster.Redis, claim.Weights(cluster.Redis), 0)
		require.NoError(t, err)
		for _, f := range p.Faults {
			assert.Contains(t, want, KindOf(f))
			assert.False(t, claim == Pauses && f.Damages())
		}
	}
	assert.ElementsMatch(t, Kinds(), want, "the last is everything")
}

func TestParseClaims(t *testing.T) {
	claims, err := ParseClaims([]string{"clocks", "pauses", "clocks"})
	require.NoError(t, err)
	assert.Equal(t, []Claim{Pauses, Clocks}, claims)
	_, err = ParseClaims([]string{"clocs"})
	assert.ErrorContains(t, err, `"clocs"`)
}

func TestKept(t *testing.T) {
	kept := Result{Exclusion: check.Held, Fencing: check.None, Linearizable: check.None, Availability: check.Held}
	assert.Equal(t, "kept", kept.kept())
	for name, spoil := range map[string]func(*Result){
		"violated": func(r *Result) { r.Exclusion, r.Availability = check.Unknown, check.Violated },
		"unknown":  func(r *Result) { r.Linearizable = check.Unknown },
	} {
		r := kept
		spoil(&r)
		assert.Equal(t, name, r.kept())
	}
	kept.Error = "the run ended early"
	assert.Equal(t, "unknown", kept.kept())
}
