package redlock_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

// A connection that can't be set up is never "held by another": a cron job would silently never run
// again (https://github.com/mike-marcacci/node-redlock/issues/115).
func TestRealConnectionThatCantBeSetUp(t *testing.T) {
	for name, o := range map[string]redis.Options{
		"wrong password":        {Username: "default", Password: wrong},
		"user switched off":     {Username: "off", Password: password},
		"no right to SELECT":    {Username: "noselect", Password: password, DB: 1},
		"database out of range": {Username: "default", Password: password, DB: 99},
		"no credentials": {CredentialsProviderContext: func(context.Context) (string, string, error) {
			return "", "", assert.AnError
		}},
	} {
		for kind, opts := range map[string][]redlock.Option{
			"guarded": nil, "without guards": {redlock.WithoutGuards()}, "without fencing": {redlock.WithoutFencing()},
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				servers := startVoters(t, 3)
				clients := make([]redis.UniversalClient, 3)
				for i, s := range servers {
					s.Do("ACL", "SETUSER", "noselect", "on", ">"+password, "~*", "+@all", "-select")
					s.Do("ACL", "SETUSER", "off", "off", ">"+password, "~*", "+@all")
					s.Do("CONFIG", "SET", "requirepass", password)
					each := o
					each.Addr = s.Addr
					client := redis.NewClient(&each)
					t.Cleanup(func() { _ = client.Close() })
					clients[i] = client
				}
				l := open(t, clients, opts...)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begun := time.Now()
				_, err := l.TryLock(ctx, "job")
				require.Error(t, err)
				require.NotErrorIs(t, err, redlock.ErrNotAcquired)
				if name == "no credentials" {
					require.ErrorIs(t, err, redlock.ErrNoQuorum, "the provider may recover")
					return
				}
				require.ErrorIs(t, err, redlock.ErrUnfit, "it can never work")
				_, err = l.Lock(ctx, "job")
				require.ErrorIs(t, err, redlock.ErrUnfit, "so Lock doesn't wait")
				assert.Less(t, time.Since(begun), 4*time.Second)
			})
		}
	}
}

// A name that is other data is no lock, and nobody waits for it
// (https://github.com/mike-marcacci/node-redlock/issues/107).
func TestRealNameThatIsOtherData(t *testing.T) {
	servers := startVoters(t, 3)
	l := dial(t, servers)
	for _, s := range servers {
		s.Do("RPUSH", "list", "x")
		s.Do("SET", "forever", "x")
		s.Do("SET", "odd:fence", "nan")
	}
	begun := time.Now()
	for _, name := range []string{"list", "odd"} {
		_, err := l.Lock(t.Context(), name)
		require.ErrorIs(t, err, redlock.ErrUnfit, name)
	}
	assert.Less(t, time.Since(begun), 2*time.Second)
	for _, l := range []*redlock.Locker{l, dial(t, servers, redlock.WithoutFencing())} {
		_, err := l.TryLock(t.Context(), "forever")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		assert.ErrorContains(t, err, "the key has no TTL, so it isn't a lock")
	}
}

// A minority that is set up wrong shows in what the locker knows, though locks succeed.
func TestRealMisconfiguredMinorityShows(t *testing.T) {
	servers := startVoters(t, 3)
	servers[1].Do("CONFIG", "SET", "requirepass", password)
	_, err := redlock.Dial(t.Context(), urls(servers), redlock.RequireAll())
	require.ErrorIs(t, err, redlock.ErrNoQuorum)
	assert.ErrorContains(t, err, "2 of 3 voters answered, 3 needed")
	assert.ErrorContains(t, err, "it wants a password")
	assert.ErrorContains(t, err, "RequireAll asks for all voters; leave it out where a majority will do")
	var events []redlock.Event
	l := dialURLs(t, urls(servers), onDone(func(e redlock.Event) { events = append(events, e) }))
	use(t, l, "job")
	state := l.Voters()[1]
	require.Error(t, state.Err)
	assert.ErrorContains(t, state.Err, "it wants a password")
	assert.WithinDuration(t, time.Now(), state.ErrAt, time.Minute)
	require.NotEmpty(t, events)
	require.Len(t, events[0].Nodes, 3)
	assert.NoError(t, l.Voters()[0].Err)
}

// What Dial saw is what the locker knows, with guards or without.
func TestRealDialSeesReplicasAndPasswords(t *testing.T) {
	servers, master := startVoters(t, 3), redistest.Start(t)
	replica := follow(t, master)
	servers[1].Do("CONFIG", "SET", "requirepass", password)
	for kind, opts := range map[string][]redlock.Option{
		"guarded": nil, "without guards": {redlock.WithoutGuards()}, "without fencing": {redlock.WithoutFencing()},
	} {
		t.Run(kind, func(t *testing.T) {
			_, err := redlock.Dial(t.Context(), []string{replica.URL()}, opts...)
			require.ErrorIs(t, err, redlock.ErrNoQuorum)
			assert.ErrorContains(t, err, "it's a replica")
			for want, odd := range map[string]string{"it's a replica": replica.URL(), "it wants a password": servers[1].URL()} {
				l := dialURLs(t, []string{servers[0].URL(), servers[2].URL(), odd}, opts...)
				states := l.Voters()
				assert.False(t, states[2].Usable())
				assert.ErrorContains(t, states[2].Err, want)
				assert.WithinDuration(t, time.Now(), states[2].ErrAt, time.Minute)
				assert.NoError(t, states[0].Err)
				assert.WithinDuration(t, time.Now(), states[0].Answered, time.Minute)
			}
		})
	}
}

// The first exchange, and that after a silence, take more round trips than the node time-out allows. They have an
// allowance of their own.
func TestRealFirstExchangeTakesSeveralRoundTrips(t *testing.T) {
	// One round trip fits into the node time-out and two don't. All three are long, for machines that are busy.
	const oneWay, nodeTimeout, idle = 300 * time.Millisecond, time.Second, 700 * time.Millisecond
	for kind, opts := range map[string][]redlock.Option{
		"guarded": nil, "without guards": {redlock.WithoutGuards()}, "without fencing": {redlock.WithoutFencing()},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // they mostly wait
			var clients []redis.UniversalClient
			for _, s := range startVotersNamed(t, "a", "b", "c") {
				s.Do("ACL", "SETUSER", "locker", "on", ">"+password, "~*", "+@all")
				r := redistest.NewRelay(t, s.Addr)
				r.Delay(oneWay)
				c := redis.NewClient(&redis.Options{Addr: r.Addr, Username: "locker", Password: password, ConnMaxIdleTime: idle})
				t.Cleanup(func() { _ = c.Close() })
				clients = append(clients, c)
			}
			l := open(t, clients, append(opts, redlock.WithNodeTimeout(nodeTimeout), redlock.WithVoterNames("a", "b", "c"))...)
			for i := range 2 {
				lk, err := l.TryLock(t.Context(), fmt.Sprint(kind, i))
				require.NoError(t, err)
				require.NoError(t, lk.Extend(t.Context()))
				require.NoError(t, lk.Unlock(t.Context()))
				time.Sleep(2 * idle)
			}
		})
	}
}

// go-redis goes on to dial for longer than an attempt waits, but it isn't kept secret that nothing listens.
func TestRealRefusedConnectionsAreNamed(t *testing.T) {
	servers := startVoters(t, 3)
	l := defaults(t, servers, redlock.WithNodeTimeout(250*time.Millisecond))
	use(t, l, "warm-up")
	for _, s := range servers {
		s.Kill()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	_, err := l.Lock(ctx, "job")
	require.ErrorIs(t, err, redlock.ErrNoQuorum)
	assert.ErrorContains(t, err, "nothing listens at its address")
}

// Two servers survive no failure, and four only one: whoever adds the second or fourth expects more.
func TestRealEvenNumbersAreLogged(t *testing.T) {
	servers := startVoters(t, 3)
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	for how, open := range map[string]func(servers []*redistest.Server) (*redlock.Locker, error){
		"Dial": func(servers []*redistest.Server) (*redlock.Locker, error) {
			return redlock.Dial(t.Context(), urls(servers))
		},
		"Lazy": func(servers []*redistest.Server) (*redlock.Locker, error) {
			return redlock.Dial(t.Context(), urls(servers), redlock.Lazy())
		},
		"New": func(servers []*redistest.Server) (*redlock.Locker, error) {
			var clients []redis.UniversalClient
			for _, s := range servers {
				clients = append(clients, s.Client(nil))
			}
			return redlock.New(clients)
		},
	} {
		for n, want := range map[int]string{1: "", 2: "voters=2 survives=0", 3: ""} {
			log.Reset()
			l, err := open(servers[:n])
			require.NoError(t, err)
			require.NoError(t, l.Close())
			if want == "" {
				assert.Empty(t, log.String(), "%s, %d voters", how, n)
			} else {
				assert.Contains(t, log.String(), want, how)
			}
		}
	}
}

// A cache that serves as a voter forgets locks that are held, and nobody else would notice.
func TestRealEvictionIsLogged(t *testing.T) {
	servers := startVoters(t, 3)
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, c := range []struct{ limit, policy, want string }{
		{"0", "noeviction", ""},
		{"100mb", "noeviction", ""},
		{"0", "allkeys-lru", ""}, // without a limit nothing is evicted
		{"100mb", "volatile-ttl", "policy=volatile-ttl"},
		{"100mb", "allkeys-lru", "policy=allkeys-lru"},
	} {
		client := servers[1].Client(nil)
		require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", c.limit).Err())
		require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", c.policy).Err())
		for _, opts := range [][]redlock.Option{nil, {redlock.WithoutGuards()}} {
			log.Reset()
			l, err := redlock.Dial(t.Context(), urls(servers), opts...)
			require.NoError(t, err)
			require.NoError(t, l.Close())
			if c.want == "" {
				assert.Empty(t, log.String(), c)
			} else {
				assert.Contains(t, log.String(), c.want)
				assert.Contains(t, log.String(), servers[1].Addr)
				assert.Equal(t, 1, strings.Count(log.String(), "evicts"), log.String())
			}
		}
	}
}
