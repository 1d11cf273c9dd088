package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// At no moment is more than one of three clocks wrong, but one is after the other. A client that
// can't reach the first one any more, when that has been put right, still has its wrong reading.
func TestClocksThatAreWrongInTurns(t *testing.T) {
	for name, tt := range map[string]struct {
		by            time.Duration
		first, second string
	}{
		"ahead: a late client takes a lock that isn't over":  {time.Minute, "right", "misled"},
		"behind: a client's own lock is over for all others": {-time.Minute, "misled", "right"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, q *redlocktest.Quorum) {
				lockers := map[string]*redlock.Locker{}
				for _, member := range []string{"right", "misled"} {
					lockers[member] = join(t, q, member, redlock.WithTTL(30*time.Second))
				}
				try := func(member string) *redlock.Lock {
					lk, err := lockers[member].TryLock(t.Context(), "job")
					t.Log(member, err)
					return lk
				}
				q.Node(0).Jump(tt.by)
				warmUp(t, lockers["misled"])
				reach(q, "misled", 1, 2)
				q.Node(0).Jump(-tt.by)
				time.Sleep(10 * time.Second) // all clocks are right

				var one *redlock.Lock
				if tt.first == "right" {
					one = try(tt.first)
				}
				q.Node(1).Jump(tt.by)
				if lk, err := lockers["misled"].TryLock(t.Context(), "another job"); err == nil { // it reads B's clock
					_ = lk.Unlock(t.Context())
				}
				if one == nil {
					one = try(tt.first)
					q.Node(1).Jump(-tt.by)
				}
				two := try(tt.second)
				assert.False(t, one != nil && two != nil && one.Valid() && two.Valid(), "TWO HOLDERS")
				reach(q, "misled", 0, 1, 2)
			})
		})
	}
}
