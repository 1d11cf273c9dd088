package nemesis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

func TestHeldRequestIsAppliedLate(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		client := l.client(t, link)
		link.Hold(Requests)
		timesOut(t, ctx, setter(client, "ghost"))
		require.NoError(t, client.Close())
		require.NoError(t, link.WaitHeld(ctx, Requests, 1))
		require.NoError(t, setter(l.client(t, l.links.Link(1, 0)), "other")(ctx), "the other client's link works")
		assert.False(t, has(t, ctx, l.Node(0), "ghost"))

		link.Pass(Requests)
		eventually(t, ctx, l.Node(0), "ghost")
		assert.Zero(t, link.Stats(Requests).Held)
	})
}

func TestHeldReplyMeansTheRequestWasExecuted(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 1)
		client := l.client(t, link)
		link.Hold(Replies)
		reply := make(chan error, 1)
		go func() { reply <- setter(client, "lock")(ctx) }()
		require.NoError(t, link.WaitHeld(ctx, Replies, 1))
		assert.True(t, has(t, ctx, l.Node(1), "lock"))
		select {
		case err := <-reply:
			t.Fatalf("the reply passed: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		link.Pass(Replies)
		require.NoError(t, <-reply)
	})
}

func TestLostReply(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		conn := dial(t, link)
		link.Drop(Replies)
		send(t, conn, "SET lock 1")
		loses(t, link, Replies)
		assert.True(t, has(t, ctx, l.Node(0), "lock"), "the request arrived")
		silent(t, conn)
		link.Pass(Replies)
		require.NoError(t, setter(l.client(t, link), "next")(ctx), "a new connection works")
	})
}

func TestLostRequestNeverArrives(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		conn := dial(t, link)
		link.Drop(Requests)
		send(t, conn, "SET lock 1")
		loses(t, link, Requests)
		silent(t, conn)
		link.Pass(Requests)
		require.NoError(t, setter(l.client(t, link), "next")(ctx))
		assert.False(t, has(t, ctx, l.Node(0), "lock"))
	})
}

// A connection that lost bytes must not deliver what follows: the client would take the reply
// to its second request for that to its first.
func TestNothingFollowsALostMessage(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	link := l.links.Link(0, 0)
	conn := dial(t, link)
	link.Drop(Requests)
	send(t, conn, "ECHO lost")
	loses(t, link, Requests)
	link.Pass(Requests)
	_, err := io.ReadAll(conn)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestCutLinkIsABlackHoleUntilItHeals(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		client := l.client(t, link)
		link.Cut()
		timesOut(t, ctx, setter(client, "open-connection"))
		timesOut(t, ctx, func(ctx context.Context) error { return client.Ping(ctx).Err() }) // on a new one
		require.NoError(t, setter(l.client(t, l.links.Link(0, 1)), "other-node")(ctx))
		require.NoError(t, setter(l.client(t, l.links.Link(1, 0)), "other-client")(ctx))
		link.Heal()
		eventually(t, ctx, l.Node(0), "open-connection")
		require.NoError(t, client.Ping(ctx).Err())
	})
}

func TestResetLosesWhatIsHeld(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		client := l.client(t, link)
		link.Cut()
		timesOut(t, ctx, setter(client, "lost"))
		require.NoError(t, link.WaitHeld(ctx, Requests, 1))
		assert.Equal(t, 1, link.Reset())
		link.Heal()
		require.NoError(t, setter(client, "next")(ctx))
		assert.False(t, has(t, ctx, l.Node(0), "lost"))
	})
}

func TestResetAndRefuse(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	link := l.links.Link(0, 0)
	conn := dial(t, link)

	link.Refuse()
	send(t, conn, "PING")
	receive(t, conn, "+PONG\r\n")
	_, err := link.Probe(testContext(t))
	require.ErrorIs(t, err, errRefused)
	refused, err := net.Dial("tcp", link.Addr())
	if err == nil {
		defer refused.Close()
		require.NoError(t, refused.SetDeadline(time.Now().Add(5*time.Second)))
		_, err = refused.Read(make([]byte, 1))
	}
	require.ErrorIs(t, err, syscall.ECONNRESET)

	assert.Equal(t, 1, link.Reset())
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	link.Heal()
	_, err = link.Probe(testContext(t))
	require.NoError(t, err)
}

func TestDelay(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		client := l.client(t, link)
		link.Delay(Requests, 30*time.Millisecond, 0)
		link.Delay(Replies, 20*time.Millisecond, 10*time.Millisecond)
		for range 3 {
			began := time.Now()
			require.NoError(t, client.Ping(ctx).Err())
			assert.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
		}
		link.Delay(Requests, 0, 0)
		link.Delay(Replies, 0, 0)
		fastest := time.Hour
		for range 20 {
			began := time.Now()
			require.NoError(t, client.Ping(ctx).Err())
			fastest = min(fastest, time.Since(began))
		}
		assert.Less(t, fastest, 20*time.Millisecond)
	})
}

func TestJitterNeverReorders(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	link := l.links.Link(0, 0)
	link.Delay(Requests, 0, 10*time.Millisecond)
	conn, err := net.Dial("tcp", link.Addr())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	var want strings.Builder
	for i := range 50 {
		digit := string(rune('a' + i%26))
		send(t, conn, "ECHO "+digit)
		want.WriteString("$1\r\n" + digit + "\r\n")
		time.Sleep(200 * time.Microsecond) // so that the messages are many
	}
	receive(t, conn, want.String())
}

func TestWhenHitsTheVeryMessage(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		client := l.client(t, link)
		link.When(Requests, "the-lock", func() { link.Hold(Replies) })
		require.NoError(t, setter(client, "something-else")(ctx))
		timesOut(t, ctx, setter(client, "the-lock"))
		assert.True(t, has(t, ctx, l.Node(0), "the-lock"))
		link.Pass(Replies)
		require.NoError(t, setter(client, "the-lock")(ctx), "it happens once")
	})
}

func TestACutLinkDoesNotTellThatTheNodeDied(t *testing.T) {
	onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
		link := l.links.Link(0, 0)
		client := l.client(t, link)
		link.Cut()
		_, err := l.Node(0).Kill(ctx)
		require.NoError(t, err)
		timesOut(t, ctx, func(ctx context.Context) error { return client.Ping(ctx).Err() })
		timesOut(t, ctx, func(ctx context.Context) error { return client.Ping(ctx).Err() }) // on a new connection
		link.Heal()
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err = client.Ping(bounded).Err()
		require.Error(t, err)
		require.False(t, timedOut(err), "now it does, at once")
		_, err = l.Node(0).Restart(ctx, cluster.Lose)
		require.NoError(t, err)
		require.NoError(t, client.Ping(ctx).Err(), "the link follows the node")
	})
}

func TestMemoryIsBoundedWhileHolding(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	link := l.links.Link(0, 0)
	link.Hold(Requests)
	conn, err := net.Dial("tcp", link.Addr())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Second)))
	block := bytes.Repeat([]byte("x"), 1<<20)
	for err == nil {
		_, err = conn.Write(block)
	}
	var timeout net.Error
	require.True(t, errors.As(err, &timeout) && timeout.Timeout(), "the sender must block at last: %v", err)
	assert.LessOrEqual(t, link.Stats(Requests).Held.Bytes, int64(maxQueued+readSize))
	assert.Equal(t, 1, link.Reset(), "and a blocked connection can still be broken")
}

func TestConnectionsAreBounded(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	link := l.links.Link(0, 0)
	link.Cut()
	for range maxRelays {
		_, far := net.Pipe()
		require.NotNil(t, link.admit(far, false))
	}
	_, far := net.Pipe()
	require.Nil(t, link.admit(far, false))
	assert.Equal(t, maxRelays, link.Reset())
}

// No connection of a client that came and went may stay behind, whatever the mode.
func TestConnectionsEndWithTheirClients(t *testing.T) {
	for name, fault := range map[string]func(*Link){
		"none":          func(*Link) {},
		"drop requests": func(l *Link) { l.Drop(Requests) },
		"drop replies":  func(l *Link) { l.Drop(Replies) },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, ctx context.Context, l *lab) {
				link := l.links.Link(0, 0)
				client := l.client(t, link)
				fault(link)
				short, cancel := context.WithTimeout(ctx, impatient)
				defer cancel()
				_ = client.Ping(short).Err() // answered or not
				require.NoError(t, client.Close())
				assert.Eventually(t, func() bool { return len(link.open()) == 0 }, 5*time.Second, time.Millisecond)
			})
		})
	}
}

func TestWaitHeldEndsWithItsContext(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := l.links.Link(1, 0).WaitHeld(ctx, Replies, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "link of client 2 to A: 0 of 1 replies held")
}

func TestProbesAreNotCounted(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 1})
	link := l.links.Link(0, 0)
	_, err := link.Probe(testContext(t))
	require.NoError(t, err)
	link.Cut()
	short, cancel := context.WithTimeout(t.Context(), impatient)
	defer cancel()
	_, err = link.Probe(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Zero(t, link.Stats(Requests))
	assert.Zero(t, link.Stats(Replies))
}

func TestListenRefusesNonsense(t *testing.T) {
	for _, clients := range []int{-1, 0, maxClients + 1} {
		_, err := Listen[Target](nil, clients, 1)
		require.ErrorContains(t, err, "clients: give from 1 to")
	}
}

func TestURLs(t *testing.T) {
	l := newLab(t, cluster.Config{Nodes: 3})
	seen := map[string]bool{}
	for client := range l.links.Clients() {
		urls := l.links.URLs(client)
		require.Len(t, urls, 3)
		for node, url := range urls {
			assert.Equal(t, l.links.Link(client, node).URL(), url)
			seen[url] = true
		}
	}
	assert.Len(t, seen, 6, "every link has an address of its own")
}

// dial opens a connection at a link and sees it work.
func dial(t *testing.T, link *Link) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", link.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	send(t, conn, "PING")
	receive(t, conn, "+PONG\r\n")
	return conn
}

// loses waits until the link has lost a message, the only one.
func loses(t *testing.T, link *Link, direction Direction) {
	t.Helper()
	require.Eventually(t, func() bool { return link.Stats(direction).Dropped.Messages == 1 }, 5*time.Second, time.Millisecond)
}

// silent asserts that nothing comes from a connection within a client's patience, its end
// included.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(impatient)))
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func send(t *testing.T, conn net.Conn, command string) {
	t.Helper()
	words := strings.Fields(command)
	message := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, word := range words {
		message = fmt.Appendf(message, "$%d\r\n%s\r\n", len(word), word)
	}
	_, err := conn.Write(message)
	require.NoError(t, err)
}

func receive(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}
