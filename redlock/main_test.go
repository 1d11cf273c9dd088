package redlock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis would print each connection that's refused on purpose
	goleak.VerifyTestMain(m)
}

const ms = time.Millisecond

// bubble runs a test in virtual time on a quorum of embedded nodes.
func bubble(t *testing.T, nodes int, test func(*testing.T, *redlocktest.Quorum)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, redlocktest.New(t, nodes, redlocktest.WithLatency(100*time.Microsecond, 300*time.Microsecond)))
	})
}

// freshBubble is bubble with nodes that no lock was ever taken on.
func freshBubble(t *testing.T, nodes int, test func(*testing.T, *redlocktest.Quorum)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, redlocktest.New(t, nodes, redlocktest.WithLatency(100*time.Microsecond, 300*time.Microsecond), redlocktest.WithFreshNodes()))
	})
}

// join returns the locker of a client machine.
func join(t *testing.T, q *redlocktest.Quorum, member string, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	m := q.Member(member)
	return open(t, m.Clients(), append([]redlock.Option{redlock.WithClock(m.Clock())}, opts...)...)
}

func open(t *testing.T, clients []redis.UniversalClient, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	l, err := redlock.New(clients, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// stock returns the locker of a client machine whose clients have go-redis's default options.
func stock(t *testing.T, q *redlocktest.Quorum, member string, opts ...redlock.Option) *redlock.Locker {
	t.Helper()
	// Last of all, go-redis's goroutines for failed dials have to come to their end.
	t.Cleanup(func() { time.Sleep(20 * time.Second) })
	m := q.Member(member)
	clients := make([]redis.UniversalClient, q.Len())
	for i := range clients {
		clients[i] = m.Client(i, nil)
	}
	return open(t, clients, append([]redlock.Option{redlock.WithClock(m.Clock())}, opts...)...)
}

// holders counts the nodes that hold the lock with the given token.
func holders(q *redlocktest.Quorum, name, token string) int {
	n := 0
	for _, node := range q.Nodes() {
		if v, ok := node.Get(name); ok && v == token {
			n++
		}
	}
	return n
}

// taken counts the nodes on which anybody holds the lock.
func taken(q *redlocktest.Quorum, name string) int {
	n := 0
	for _, node := range q.Nodes() {
		if _, ok := node.Get(name); ok {
			n++
		}
	}
	return n
}

// onDone lets a function hear of every operation.
func onDone(f func(redlock.Event)) redlock.Option {
	return redlock.WithHooks(redlock.Hooks{Done: func(_ context.Context, e redlock.Event) { f(e) }})
}
