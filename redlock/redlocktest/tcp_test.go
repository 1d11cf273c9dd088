package redlocktest

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// overTCP returns a client over a real socket. (With protocol 3, go-redis looks for push
// messages first, which swallows a reset.)
func overTCP(t *testing.T, addr string) *redis.Client {
	t.Helper()
	o := &redis.Options{Addr: addr, Protocol: 2, MaxRetries: -1, ContextTimeoutEnabled: true}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func listening(t *testing.T, l *Link) string {
	t.Helper()
	at, err := l.Listen("127.0.0.1:0")
	require.NoError(t, err)
	return at.String()
}

func TestListen(t *testing.T) {
	q := New(t, 2)
	at, err := q.Node(1).Listen("127.0.0.1:0")
	require.NoError(t, err)
	assert.Equal(t, "redis://"+at.String(), q.Node(1).URL())
	assert.Equal(t, "192.0.2.2:6379", q.Node(1).Addr())
	o, err := redis.ParseURL(q.Node(1).URL())
	require.NoError(t, err)
	c := redis.NewClient(o)
	defer c.Close()
	require.NoError(t, c.Set(t.Context(), "k", "v", time.Minute).Err())
	assert.Equal(t, "v", q.Clients()[1].Get(t.Context(), "k").Val(), "sockets and memory reach the same node")
	assert.Zero(t, q.Clients()[0].Exists(t.Context(), "k").Val())

	_, err = q.Node(0).Listen(at.String())
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
}

func TestListenAfterClose(t *testing.T) {
	q, err := Start(1)
	require.NoError(t, err)
	q.Close()
	_, err = q.Node(0).Listen("127.0.0.1:0")
	assert.ErrorIs(t, err, errClosed)
}

func TestLargeValuesOverTCP(t *testing.T) {
	q := New(t, 1)
	c := overTCP(t, listening(t, q.Member("").Link(0)))
	value := string(make([]byte, 3<<20))
	require.NoError(t, c.Set(t.Context(), "k", value, 0).Err())
	assert.Equal(t, value, c.Get(t.Context(), "k").Val())
}

func TestNodeFaultsHoldOverTCP(t *testing.T) {
	q := New(t, 1)
	n := q.Node(0)
	c := overTCP(t, listening(t, q.Member("").Link(0)))
	require.NoError(t, c.Ping(t.Context()).Err())

	n.Pause()
	require.ErrorIs(t, c.Set(within(t, 50*time.Millisecond), "k", "v", 0).Err(), os.ErrDeadlineExceeded)
	assert.Empty(t, n.Keys())
	n.Resume()
	require.Eventually(t, func() bool { return len(n.Keys()) == 1 }, 10*time.Second, time.Millisecond,
		"what a stopped server had received is executed, although the client has gone")

	require.NoError(t, c.Ping(t.Context()).Err())
	n.Crash()
	require.Error(t, c.Ping(t.Context()).Err())
	n.Restart(true)
	require.NoError(t, c.Ping(t.Context()).Err())
	n.Jump(-time.Hour)
	assert.WithinDuration(t, time.Now().Add(-time.Hour), c.Time(t.Context()).Val(), time.Minute)
}

func TestLinkFaultsHoldOverTCP(t *testing.T) {
	q := New(t, 1)
	a, b := q.Member("a").Link(0), q.Member("b").Link(0)
	ca, cb := overTCP(t, listening(t, a)), overTCP(t, listening(t, b))
	require.NoError(t, ca.Ping(t.Context()).Err())
	require.NoError(t, cb.Ping(t.Context()).Err())

	a.Cut()
	require.ErrorIs(t, ca.Ping(within(t, 50*time.Millisecond)).Err(), os.ErrDeadlineExceeded)
	require.NoError(t, cb.Ping(t.Context()).Err(), "the other member isn't cut off")
	a.Heal()
	require.NoError(t, ca.Ping(t.Context()).Err())

	b.DropReplies(1)
	require.ErrorIs(t, cb.Incr(t.Context(), "k").Err(), syscall.ECONNRESET)
	assert.EqualValues(t, 2, cb.Incr(t.Context(), "k").Val())
}

func TestTCPEndsAreHandedOn(t *testing.T) {
	q := New(t, 1)
	addr := listening(t, q.Member("").Link(0))
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	c := dial()
	send(t, c, "*1\r\n$4\r\nQUIT\r\n")
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	assert.Equal(t, "+OK\r\n", string(got))

	c = dial()
	send(t, c, ping)
	expect(t, c, "+PONG\r\n")
	q.Node(0).Crash()
	_, err = c.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}
