package redlock_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

const realNodeTimeout = 500 * time.Millisecond

// A: extend and unlock that trust the client's time-outs hang with one node.
func TestRealOneOfThreeStopped(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 3)
		l := setUp(t, servers, redlock.WithTTL(30*time.Second), redlock.WithNodeTimeout(realNodeTimeout))
		held, err := l.TryLock(t.Context(), "held")
		require.NoError(t, err)
		for _, stopped := range servers {
			stopped.Pause()
			var lk *redlock.Lock
			bounded(t, 2*realNodeTimeout, "TryLock", func() {
				var err error
				// Another name each time: what waits for the server that has just gone on is
				// still being released.
				lk, err = l.TryLock(t.Context(), "job at "+stopped.Addr)
				require.NoError(t, err)
			})
			bounded(t, 2*realNodeTimeout, "Extend", func() { require.NoError(t, held.Extend(t.Context())) })
			bounded(t, 2*realNodeTimeout, "Unlock", func() { require.NoError(t, lk.Unlock(t.Context())) })
			stopped.Resume()
		}
		require.NoError(t, held.Unlock(t.Context()))
		requireNothingLeft(t, 20*time.Second, servers...)
	})
}

// E: the acquisition that waits in a stopped server's socket plants the lock when the server
// goes on, long after the attempt has failed.
func TestRealTwoOfThreeStopped(t *testing.T) {
	// The guards refuse the late request; without them the release has to undo it.
	for mode, opts := range map[string][]redlock.Option{"guarded": nil, "plain": {redlock.WithoutFencing()}} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, setUp setUp) { twoOfThreeStopped(t, setUp, opts) })
		})
	}
}

func twoOfThreeStopped(t *testing.T, setUp setUp, opts []redlock.Option) {
	const nodeTimeout = realNodeTimeout // a machine under load may be late by as much again
	servers := startVoters(t, 3)
	l := setUp(t, servers, append(opts, redlock.WithTTL(time.Minute), redlock.WithNodeTimeout(nodeTimeout))...)
	use(t, l, "warm-up")
	servers[0].Pause()
	servers[1].Pause()
	var err error
	bounded(t, 2*nodeTimeout, "TryLock", func() { _, err = l.TryLock(t.Context(), "job") })
	var qe *redlock.QuorumError
	require.ErrorAs(t, err, &qe)
	require.ErrorIs(t, err, redlock.ErrNoQuorum)
	require.NotErrorIs(t, err, redlock.ErrNotAcquired)
	assert.Equal(t, redlock.TimedOut, qe.Nodes[0].Outcome)
	assert.Equal(t, redlock.TimedOut, qe.Nodes[1].Outcome)
	assert.Equal(t, redlock.Granted, qe.Nodes[2].Outcome)
	requireNothingLeft(t, 4*nodeTimeout, servers[2])

	// So long that Dial's clients have given up the release too, and the connection with it.
	time.Sleep(12 * nodeTimeout)
	servers[0].Resume()
	servers[1].Resume()
	requireNothingLeft(t, 20*time.Second, servers...)
	time.Sleep(time.Second) // that nothing is there now doesn't mean that nothing comes
	requireNothingLeft(t, 0, servers...)
	use(t, l, "job")
}

// A held lock that can't be extended or released for want of voters.
func TestRealHolderWithoutQuorum(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 3)
		l := setUp(t, servers, redlock.WithTTL(time.Minute), redlock.WithNodeTimeout(realNodeTimeout))
		use(t, l, "warm-up")
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, lk.Extend(t.Context())) // the first one may take longer
		servers[0].Pause()
		servers[1].Pause()
		bounded(t, 2*realNodeTimeout, "Extend", func() {
			require.ErrorIs(t, lk.Extend(t.Context()), redlock.ErrNoQuorum)
		})
		assert.True(t, lk.Valid(), "up to the deadline that was proven")
		bounded(t, 2*realNodeTimeout, "Unlock", func() {
			require.ErrorIs(t, lk.Unlock(t.Context()), redlock.ErrNoQuorum)
		})
		servers[0].Resume()
		servers[1].Resume()
		requireNothingLeft(t, 20*time.Second, servers...)
	})
}

// M: with the client library's default options, one bad node of five cost others seconds.
func TestRealOneBadNodeOfFive(t *testing.T) {
	faults := map[string]func(*testing.T, []*redistest.Server) (addr string){
		"stopped": func(_ *testing.T, servers []*redistest.Server) string {
			servers[2].Pause()
			return servers[2].Addr
		},
		"refusing": func(_ *testing.T, servers []*redistest.Server) string {
			servers[2].Kill()
			return servers[2].Addr
		},
		"dropping": func(t *testing.T, _ []*redistest.Server) string { return redistest.BlackHole(t) },
	}
	for name, inject := range faults {
		t.Run(name, func(t *testing.T) {
			awaitDials(t)
			servers := startVoters(t, 5)
			bad := inject(t, servers)
			clients := make([]redis.UniversalClient, len(servers))
			for i, s := range servers {
				clients[i] = s.Client(nil)
			}
			badClient := redis.NewClient(&redis.Options{Addr: bad, MaintNotificationsConfig: noNotifications})
			t.Cleanup(func() { _ = badClient.Close() })
			clients[2] = badClient
			const limit = time.Second / 2
			// Longer than the limit: nobody may wait for the bad node at all.
			l := open(t, clients, redlock.WithNodeTimeout(2*limit), redlock.WithVoterNames(addrs(servers)...))
			for range 5 {
				var lk *redlock.Lock
				bounded(t, limit, "TryLock", func() {
					var err error
					lk, err = l.TryLock(t.Context(), "job")
					require.NoError(t, err)
				})
				bounded(t, limit, "Extend", func() { require.NoError(t, lk.Extend(t.Context())) })
				bounded(t, limit, "Unlock", func() { require.NoError(t, lk.Unlock(t.Context())) })
			}
			good := append(append([]*redistest.Server(nil), servers[:2]...), servers[3:]...)
			requireNothingLeft(t, 10*time.Second, good...)
			bounded(t, 8*limit, "Close", func() { require.NoError(t, l.Close()) })
		})
	}
}

// noNotifications because their goroutines outlive clients.
var noNotifications = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}

// With the client library's defaults and ours, Close isn't held up for long by a voter that hangs.
func TestRealCloseWithABadNode(t *testing.T) {
	faults := map[string]func(*testing.T, *redistest.Server) (addr string){
		"stopped":  func(_ *testing.T, s *redistest.Server) string { s.Pause(); return s.Addr },
		"dropping": func(t *testing.T, _ *redistest.Server) string { return redistest.BlackHole(t) },
	}
	for name, inject := range faults {
		t.Run(name, func(t *testing.T) {
			awaitDials(t)
			servers := startVoters(t, 3)
			clients := make([]redis.UniversalClient, len(servers))
			for i, s := range servers {
				addr := s.Addr
				if i == 2 {
					addr = inject(t, s)
				}
				c := redis.NewClient(&redis.Options{Addr: addr, MaintNotificationsConfig: noNotifications})
				t.Cleanup(func() { _ = c.Close() })
				clients[i] = c
			}
			l := open(t, clients, redlock.WithVoterNames(addrs(servers)...))
			lk, err := l.TryLock(t.Context(), "job")
			require.NoError(t, err)
			require.NoError(t, lk.Unlock(t.Context()))
			bounded(t, 2*time.Second, "Close", func() { require.NoError(t, l.Close()) })
		})
	}
}
