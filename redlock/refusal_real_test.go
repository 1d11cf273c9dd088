package redlock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// A voter that refuses what acquisitions or extensions need is of no use, also while it does everything else. The hooks hear
// of that once: an alert for five minutes without a voter would never go off if they heard of each release.
func TestRealVoterThatRefusesOneThingStaysOfNoUse(t *testing.T) {
	user := func(right string) func(*redistest.Server) {
		return func(s *redistest.Server) {
			s.Do("ACL", "SETUSER", "locker", "on", ">"+password, "~*", "+@all", right)
		}
	}
	replica := func(t *testing.T) *redistest.Server { return follow(t, redistest.Start(t).Enrol()) }
	for name, fault := range map[string]struct {
		inject func(*redistest.Server)
		start  func(*testing.T) *redistest.Server
		want   redlock.Outcome
	}{
		"memory full":            {inject: func(s *redistest.Server) { s.Do("CONFIG", "SET", "maxmemory", 1) }, want: redlock.Failed},
		"replica":                {start: replica, want: redlock.Failed},
		"no right to acquire":    {inject: user("-set"), want: redlock.Unfit},
		"no right to extend":     {inject: user("-pexpire"), want: redlock.Unfit},
		"no right to release":    {inject: user("-mget"), want: redlock.Unfit},
		"no right to run a hash": {inject: user("-evalsha"), want: redlock.Unfit},
	} {
		t.Run(name, func(t *testing.T) {
			servers := startVoters(t, 2)
			if fault.start == nil {
				servers = append(servers, redistest.Start(t))
				redistest.Form(servers, addrs(servers))
				servers[2].Do("ACL", "SETUSER", "locker", "on", ">"+password, "~*", "+@all")
				fault.inject(servers[2])
			} else {
				servers = append(servers, fault.start(t))
				redistest.Form(servers[:2], addrs(servers))
			}
			addresses := urls(servers)
			if fault.start == nil {
				addresses[2] = "redis://locker:" + password + "@" + servers[2].Addr
			}
			heard := make(chan redlock.Outcome, 100)
			l := dialURLs(t, addresses, redlock.Lazy(), redlock.WithHooks(redlock.Hooks{VoterChanged: func(v redlock.VoterState) { heard <- v.Outcome }}))
			use := func() {
				lk, err := l.TryLock(t.Context(), "job")
				require.NoError(t, err)
				require.NoError(t, lk.Extend(t.Context()))
				require.NoError(t, lk.Unlock(t.Context()))
				_, err = l.Inspect(t.Context(), "job")
				require.NoError(t, err)
			}
			redistest.Await(t, 10*time.Second, func() bool { // the others are enough for a lock before it's even asked
				use()
				return l.Voters()[2].Outcome == fault.want
			}, "it's never called that")
			for range 5 {
				use()
				assert.Equal(t, fault.want, l.Voters()[2].Outcome)
			}
			assert.Equal(t, fault.want, <-heard)
			assert.Empty(t, heard, "heard more than once")
		})
	}
}
