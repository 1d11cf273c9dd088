package redlock_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A request that was stuck in a stopped server or on the wire plants its lock when its attempt is
// long over. By its own deadline it's over for everyone who knows the time, so it blocks nobody,
// although its key is there. A classic client's ghost blocks the name.
func TestGhostBlocksNobody(t *testing.T) {
	for name, opts := range map[string][]redlock.Option{"guarded": nil, "classic": {redlock.WithoutGuards()}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				l, other := join(t, q, "a", opts...), join(t, q, "b", opts...)
				warmUp(t, l)
				warmUp(t, other)
				for i := range 3 {
					q.Member("a").Link(i).CutRequests()
				}
				_, err := l.TryLock(t.Context(), "job")
				require.ErrorIs(t, err, redlock.ErrNoQuorum)
				time.Sleep(11 * time.Second)
				for i := range 3 { // the acquisition arrives; the release that follows it doesn't
					q.Node(i).OnCommand(func(c redlocktest.Command) {
						if slices.Contains(c.Args, "job") && c.Member == "a" { // it's carried out yet
							q.Member("a").Link(i).Cut()
						}
					})
					q.Member("a").Link(i).Heal()
				}
				time.Sleep(50 * ms)
				require.Equal(t, 3, taken(q, "job"), "the ghosts are there")
				lk, err := other.TryLock(t.Context(), "job")
				if name == "classic" {
					require.ErrorIs(t, err, redlock.ErrNotAcquired)
				} else {
					require.NoError(t, err)
					require.NoError(t, lk.Unlock(t.Context()))
				}
				for i := range 3 {
					q.Node(i).OnCommand(nil)
				}
				reach(q, "a", 0, 1, 2)
				time.Sleep(5 * time.Second)
				assert.Zero(t, taken(q, "job"), "and are released in the end")
			})
		})
	}
}
