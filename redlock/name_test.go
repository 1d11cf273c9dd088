package redlock

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Two names never share a key, neither on single servers nor on a cluster: not their own keys, not
// their records, and not the marker.
func FuzzNamesDontCollide(f *testing.F) {
	for _, pair := range [][2]string{
		{"job", "{job}"}, {"job", "job:fence"}, {"{job}", "{job}:fenced"}, {"a", "{a}:fence"}, {"redlock:voter", "x"}, {"{}a", "a"}, {"a}", "{a"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == b || checkName(a) != nil || checkName(b) != nil {
			return
		}
		for _, cluster := range []bool{false, true} {
			require.NotEqual(t, recordKey(a, cluster), recordKey(b, cluster))
			require.NotEqual(t, recordKey(a, cluster), b)
			require.NotEqual(t, a, recordKey(b, cluster))
			require.NotEqual(t, markerKey, recordKey(a, cluster))
			require.NotEqual(t, markerKey, a)
		}
	})
}
