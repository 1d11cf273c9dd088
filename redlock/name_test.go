package redlock

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two names never share a key, neither on single servers nor on a cluster: not their own keys, not
// their records, and not the marker.
func TestNamesDontCollide(t *testing.T) {
	parts := []string{"a", "b", "{", "}", "{a}", ":fence", ":fenced", ":await", ":awaited", ":", "redlock:voter", "\x00"}
	r := rand.New(rand.NewPCG(1, 1))
	name := func() string {
		s := ""
		for range 1 + r.IntN(4) {
			s += parts[r.IntN(len(parts))]
		}
		return s
	}
	seen := [2]map[string]string{{}, {}} // what each key belongs to, by whether the voter is a cluster
	allowed := 0
	for range 200_000 {
		n := name()
		if checkName(n) != nil {
			continue
		}
		allowed++
		for i, cluster := range []bool{false, true} {
			for _, key := range []string{n, recordKey(n, cluster), lineKey(n, cluster)} {
				if owner, taken := seen[i][key]; taken {
					require.Equal(t, owner, n, "both have the key %q", key)
				}
				seen[i][key] = n
				require.NotEqual(t, markerKey, key)
			}
		}
	}
	assert.Greater(t, allowed, 10_000)
	for _, refused := range []string{"job:fence", "{job}:fenced", "job:await", "{job}:awaited", "redlock:voter", "redlock:voter:2"} {
		assert.ErrorIs(t, checkName(refused), ErrInvalidName)
	}
}
