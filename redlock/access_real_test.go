package redlock_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

const (
	password = "correct-horse"
	wrong    = "battery-staple"
)

// withUser returns the URLs of the servers for a user with that password.
func withUser(servers []*redistest.Server, user, password string) []string {
	all := make([]string, len(servers))
	for i, s := range servers {
		all[i] = "redis://" + user + ":" + password + "@" + s.Addr
	}
	return all
}

func TestRealPassword(t *testing.T) {
	servers := startVoters(t, 3)
	for _, s := range servers {
		s.Do("CONFIG", "SET", "requirepass", password)
	}
	use(t, dialURLs(t, withUser(servers, "", password)), "job")
}

// A user without a right to channels takes locks, waits for them by asking again and again, and says so once.
func TestRealUserWithoutChannels(t *testing.T) {
	servers := startVoters(t, 3)
	if servers[0].Version().Before(6, 2) {
		t.Skip("this server has no rights to channels")
	}
	for _, s := range servers {
		s.Do("ACL", "SETUSER", "locker", "on", ">"+password, "~*", "+@all", "resetchannels")
	}
	var told sync.Map // on a busy machine the lead voter may be silent for a moment, and the next one is asked
	hooks := redlock.WithHooks(redlock.Hooks{CannotListen: func(v redlock.VoterState) {
		_, twice := told.LoadOrStore(v.Node, true)
		assert.False(t, twice, "%s was named before", v.Node)
		assert.ErrorContains(t, v.Err, "right")
	}})
	a := dialURLs(t, withUser(servers, "locker", password), redlock.WithTTL(time.Minute))
	b := dialURLs(t, withUser(servers, "locker", password), redlock.WithTTL(time.Minute), hooks)
	for range 3 {
		lk, err := a.TryLock(t.Context(), "job")
		require.NoError(t, err)
		time.AfterFunc(500*time.Millisecond, func() { assert.NoError(t, lk.Unlock(context.Background())) })
		begun := time.Now()
		waited, err := b.Lock(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, waited.Unlock(t.Context()))
		assert.Less(t, time.Since(begun), 2*time.Second)
	}
	someone := false
	told.Range(func(any, any) bool { someone = true; return false })
	assert.True(t, someone)
	requireNothingLeft(t, 0, servers...)
}

// Rules that were written before there was a line let locks be taken, waited for and given back, and the hook says what's missing.
func TestRealRightsWithoutTheLine(t *testing.T) {
	rights := map[string][]any{
		"keys":     {"~job", "~job:fence", "~redlock:voter", "+@all"},
		"commands": {"~*", "+@all", "-exists", "-zadd", "-zrange", "-zrevrange", "-zrank", "-zrem", "-zremrangebyscore"},
	}
	servers := startVoters(t, 3)
	for name, words := range rights {
		for way, opts := range map[string][]redlock.Option{"guarded": nil, "plain": {redlock.WithoutFencing()}} {
			t.Run(name+"/"+way, func(t *testing.T) {
				for _, s := range servers {
					s.Do(append([]any{"ACL", "SETUSER", "locker", "reset", "on", ">" + password}, words...)...)
					if !s.Version().Before(6, 2) {
						s.Do("ACL", "SETUSER", "locker", "&*")
					}
				}
				var told sync.Map
				hooks := redlock.WithHooks(redlock.Hooks{
					CannotListen: func(v redlock.VoterState) {
						_, before := told.LoadOrStore(v.Node, true)
						assert.False(t, before, "%s was named before", v.Node)
						assert.ErrorContains(t, v.Err, "right")
					},
					VoterChanged: func(v redlock.VoterState) { assert.Equal(t, redlock.Granted, v.Outcome, "%v", v.Err) },
				})
				opts = append(opts, redlock.WithTTL(time.Minute))
				a := dialURLs(t, withUser(servers, "locker", password), opts...)
				b := dialURLs(t, withUser(servers, "locker", password), append(opts, hooks)...)
				for range 2 {
					lk, err := a.TryLock(t.Context(), "job")
					require.NoError(t, err)
					time.AfterFunc(100*time.Millisecond, func() { assert.NoError(t, lk.Unlock(context.Background())) })
					begun := time.Now()
					waited, err := b.Lock(t.Context(), "job")
					require.NoError(t, err)
					require.NoError(t, waited.Unlock(t.Context()))
					assert.Less(t, time.Since(begun), time.Second, "nothing was left to run out")
				}
				assert.Eventually(t, func() bool {
					some := false
					told.Range(func(any, any) bool { some = true; return false })
					return some
				}, time.Second, time.Millisecond, "the hook runs on a goroutine of its own")
				for _, v := range b.Voters() {
					assert.Equal(t, redlock.Granted, v.Outcome, "%v", v.Err)
				}
				requireNothingLeft(t, 0, servers...)
			})
		}
	}
}

// Where the user lacks a right that the guards need, the error says which.
func TestRealUserWithoutRights(t *testing.T) {
	server := startVoters(t, 1)
	for _, right := range []string{"-info", "-time", "-hset"} {
		t.Run(right, func(t *testing.T) {
			server[0].Do("DEL", "redlock:voter")
			server[0].Do("ACL", "SETUSER", "locker", "reset", "on", ">"+password, "~*", "+@all", right)
			l := open(t, []redis.UniversalClient{server[0].Client(&redis.Options{Username: "locker", Password: password})})
			n := refusals(t, l)[0]
			assert.Equal(t, redlock.Unfit, n.Outcome)
			assert.ErrorContains(t, n.Err, "its user lacks a right that locks need")
			assert.ErrorContains(t, n.Err, "+"+strings.TrimPrefix(right, "-"))
		})
	}
}

// What is wrong with the servers shows at Dial, and the message can be logged.
func TestRealDialErrors(t *testing.T) {
	locked := redistest.StartAll(t, 3, "--requirepass", password)
	gone := redistest.StartAll(t, 3)
	for _, s := range gone {
		s.Kill()
	}
	tests := map[string]struct {
		urls  []string
		says  string
		unfit bool
	}{
		"wrong password":   {withUser(locked, "", wrong), "WRONGPASS", true},
		"unknown user":     {withUser(locked, "nobody", wrong), "WRONGPASS", true},
		"no password":      {urls(locked), "NOAUTH", true},
		"nobody listening": {withUser(gone, "", wrong), "connection refused", false},
		"dropped packets":  {[]string{"redis://:" + wrong + "@" + redistest.BlackHole(t)}, "i/o timeout|deadline exceeded", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := redlock.Dial(t.Context(), tt.urls)
			var qe *redlock.QuorumError
			require.ErrorAs(t, err, &qe)
			require.ErrorIs(t, err, redlock.ErrNoQuorum)
			assert.Regexp(t, tt.says, err.Error())
			assert.NotContains(t, err.Error(), wrong)
			assert.Contains(t, err.Error(), ": dial: 0 of ")
			assert.Equal(t, tt.unfit, errors.Is(err, redlock.ErrUnfit))
			require.Len(t, qe.Nodes, len(tt.urls))
			for _, n := range qe.Nodes {
				assert.Contains(t, err.Error(), n.Node)
				assert.Equal(t, tt.unfit, n.Outcome == redlock.Unfit)
			}
		})
	}
}

func TestRealDialWithAMinorityDown(t *testing.T) {
	servers := startVoters(t, 3)
	servers[1].Kill()
	l := dial(t, servers)
	use(t, l, "job")
	servers[1].Restart()
	servers[1].Enrol()
	redistest.Await(t, 10*time.Second, func() bool {
		use(t, l, "job")
		return servers[1].Do("EXISTS", redlock.FenceKey("job")) == int64(1)
	}, "%s takes no part although it's back", servers[1].Addr)
}

// refusals is what the voters said to an attempt that fails.
func refusals(t *testing.T, l *redlock.Locker) []redlock.NodeResult {
	t.Helper()
	_, err := l.TryLock(t.Context(), "refused")
	var qe *redlock.QuorumError
	require.ErrorAs(t, err, &qe)
	require.NotErrorIs(t, err, redlock.ErrNotAcquired)
	return qe.Nodes
}

// A full server can't take locks, but those that it has are extended and released.
func TestRealOutOfMemory(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		servers := startVoters(t, 3)
		l := setUp(t, servers, redlock.WithTTL(time.Minute))
		lk, err := l.TryLock(t.Context(), "job")
		require.NoError(t, err)
		for _, s := range servers {
			s.Do("CONFIG", "SET", "maxmemory", 1)
		}
		failed := 0
		for _, n := range refusals(t, l) {
			if n.Outcome == redlock.Failed {
				failed++
				assert.Contains(t, redlock.Diagnose(n.Err).Cause, "memory is full", "%v", n.Err)
			}
		}
		assert.GreaterOrEqual(t, failed, 2)
		require.NoError(t, lk.Extend(t.Context()))
		require.NoError(t, lk.Unlock(t.Context()))
		requireNothingLeft(t, 5*time.Second, servers...)
	})
}

func TestRealReadOnlyReplica(t *testing.T) {
	bothWays(t, func(t *testing.T, setUp setUp) {
		master := redistest.Start(t)
		replica := follow(t, master)
		_, err := redlock.Dial(t.Context(), urls([]*redistest.Server{replica}))
		assert.ErrorContains(t, err, "it's a replica")
		l := setUp(t, []*redistest.Server{replica}, redlock.Lazy())
		n := refusals(t, l)[0]
		assert.Equal(t, redlock.Failed, n.Outcome)
		assert.Contains(t, redlock.Diagnose(n.Err).Cause, "replica", "%v", n.Err)
		assert.NotContains(t, n.Err.Error(), "its user needs")
	})
}

// follow starts a replica and waits until it's in step.
func follow(t *testing.T, master *redistest.Server) *redistest.Server {
	t.Helper()
	host, port, err := net.SplitHostPort(master.Addr)
	require.NoError(t, err)
	replica := redistest.Start(t, "--replicaof", host, port)
	redistest.Await(t, 10*time.Second, func() bool {
		role := replica.Do("ROLE").([]any)
		return role[3] == "connected"
	}, "%s doesn't follow %s", replica.Addr, master.Addr)
	return replica
}
