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

// endpoint is a virtual address, as Sentinel or a service name provides: one server at a time.
type endpoint struct {
	mu    sync.Mutex
	addr  string
	conns []net.Conn
}

func (e *endpoint) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.addr == "" {
		return nil, errors.New("unreachable")
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.addr)
	if err == nil {
		e.conns = append(e.conns, c)
	}
	return c, err
}

func (e *endpoint) move(addr string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.addr = addr
	for _, c := range e.conns {
		_ = c.Close()
	}
	e.conns = nil
}

// addrs returns the servers' addresses.
func addrs(servers []*redistest.Server) []string {
	var all []string
	for _, s := range servers {
		all = append(all, s.Addr)
	}
	return all
}

func lockerAt(t *testing.T, names []string, endpoints []*endpoint, opts ...redlock.Option) *redlock.Locker {
	var clients []redis.UniversalClient
	for i, e := range endpoints {
		c := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("voter", string(rune('1'+i))), Dialer: e.dial, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true})
		t.Cleanup(func() { _ = c.Close() })
		clients = append(clients, c)
	}
	return open(t, clients, append(opts, redlock.WithVoterNames(names...), redlock.WithNodeTimeout(time.Second))...)
}

// A voter fails over and back. Each time the replica has missed what came since it was last in sync.
func TestRealFailoverAndBack(t *testing.T) {
	awaitDials(t)
	servers := startVoters(t, 3)
	p, b, c := servers[0], servers[1], servers[2]
	r := replicaOf(t, p)
	none := &endpoint{}
	voter, vb, vc := &endpoint{addr: p.Addr}, &endpoint{addr: b.Addr}, &endpoint{addr: c.Addr}
	ttl := redlock.WithTTL(6 * time.Second)
	one, two := lockerAt(t, addrs(servers), []*endpoint{voter, vb, none}, ttl), lockerAt(t, addrs(servers), []*endpoint{voter, none, vc}, ttl)
	use(t, one, "warm-up")

	// First failover, to r. p becomes its replica, but never gets through to it.
	r.Do("REPLICAOF", "NO", "ONE")
	p.Do("CONFIG", "SET", "masterauth", "wrong")
	host, port, err := net.SplitHostPort(r.Addr)
	require.NoError(t, err)
	p.Do("REPLICAOF", host, port)
	voter.move(r.Addr)
	_, err = one.TryLock(t.Context(), "job")
	require.Error(t, err)
	_, err = one.TryLock(t.Context(), "job")
	require.ErrorContains(t, err, "quarantined", "the guard sees the first failover")
	held, err := one.Lock(t.Context(), "job")
	require.NoError(t, err)

	// Second failover, to p, which missed the lock.
	r.Kill()
	p.Do("REPLICAOF", "NO", "ONE")
	voter.move(p.Addr)
	var lk *redlock.Lock
	for range 3 { // a broken connection may cost the first attempt
		if lk, err = two.TryLock(t.Context(), "job"); err == nil {
			break
		}
		t.Log(err)
	}
	require.True(t, held.Valid(), "the machine is too slow for this test")
	if !assert.Error(t, err) {
		t.Errorf("two holders at once: one for another %v (fence %d), two for %v (fence %d)", held.Remaining(), held.Fence(), lk.Remaining(), lk.Fence())
	}
}

// Data that survives restarts doesn't help where another server takes over that missed some.
func TestRealFailoverOfADurableVoter(t *testing.T) {
	awaitDials(t)
	servers := startVoters(t, 3)
	r := replicaOf(t, servers[0])
	none := &endpoint{}
	voter, vb, vc := &endpoint{addr: servers[0].Addr}, &endpoint{addr: servers[1].Addr}, &endpoint{addr: servers[2].Addr}
	one := lockerAt(t, addrs(servers), []*endpoint{voter, vb, none}, redlock.WithDurableNodes())
	two := lockerAt(t, addrs(servers), []*endpoint{voter, none, vc}, redlock.WithDurableNodes())
	use(t, one, "warm-up")
	r.Do("REPLICAOF", "NO", "ONE") // before the lock is taken
	held, err := one.TryLock(t.Context(), "job")
	require.NoError(t, err)
	servers[0].Kill()
	voter.move(r.Addr)
	for range 3 { // a broken connection may cost the first attempts
		_, err = two.TryLock(t.Context(), "job")
		require.Error(t, err)
	}
	require.ErrorContains(t, err, "quarantined")
	require.True(t, held.Valid())
}

// replicaOf starts a replica and waits until it's in sync.
func replicaOf(t *testing.T, primary *redistest.Server) *redistest.Server {
	t.Helper()
	r := redistest.Start(t)
	host, port, err := net.SplitHostPort(primary.Addr)
	require.NoError(t, err)
	r.Do("REPLICAOF", host, port)
	redistest.Await(t, 10*time.Second, func() bool {
		return strings.Contains(r.Do("INFO", "replication").(string), "master_link_status:up")
	}, "the replica is in sync")
	return r
}
