package redlocktest

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ping = "*1\r\n$4\r\nPING\r\n"

// dialled returns a connection to node 0, closed when the test ends.
func dialled(t *testing.T, q *Quorum) net.Conn {
	t.Helper()
	c, err := q.Member("").Link(0).dial(t.Context(), "", "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	n, err := io.WriteString(c, s)
	require.NoError(t, err)
	require.Equal(t, len(s), n)
}

func expect(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func TestConnIsAStream(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := dialled(t, q)
		for _, b := range []byte(ping) { // a command may come in any number of pieces
			send(t, c, string(b))
		}
		expect(t, c, "+PO") // and so may a reply be read
		expect(t, c, "NG\r\n")
		send(t, c, ping+ping+"*0\r\n"+ping[:5])
		expect(t, c, "+PONG\r\n+PONG\r\n")
		send(t, c, ping[5:])
		expect(t, c, "+PONG\r\n")
	})
}

func TestConnReadDeadline(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c, start := dialled(t, q), time.Now()
		require.NoError(t, c.SetDeadline(start.Add(time.Second)))
		_, err := c.Read(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		assert.True(t, timeout.Timeout())
		assert.Equal(t, time.Second, time.Since(start))
		_, err = c.Write([]byte(ping))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)

		require.NoError(t, c.SetDeadline(time.Time{}))
		send(t, c, ping)
		expect(t, c, "+PONG\r\n")
	})
}

func TestConnDeadlineSetDuringRead(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := dialled(t, q)
		read := inBackground(func() error { _, err := c.Read(make([]byte, 1)); return err })
		synctest.Wait()
		require.NoError(t, c.SetReadDeadline(time.Now()))
		assert.ErrorIs(t, <-read, os.ErrDeadlineExceeded)
	})
}

func TestConnCloseDuringRead(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := dialled(t, q)
		read := inBackground(func() error { _, err := c.Read(make([]byte, 1)); return err })
		synctest.Wait()
		require.NoError(t, c.Close())
		assert.ErrorIs(t, <-read, net.ErrClosed)
		_, err := c.Write([]byte(ping))
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.ErrorIs(t, c.Close(), net.ErrClosed)
		synctest.Wait()
		assert.Empty(t, q.Member("").Link(0).conns, "both sides have forgotten it")
	})
}

func TestConnCloseDeliversWhatWasWritten(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		c := dialled(t, q)
		send(t, c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
		require.NoError(t, c.Close())
		time.Sleep(time.Second)
		assert.Equal(t, []string{"k"}, q.Node(0).Keys())
	}, WithLatency(time.Millisecond, 2*time.Millisecond))
}

func TestConnAfterQuitAndGarbage(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		for sent, want := range map[string]string{
			"*1\r\n$4\r\nQUIT\r\n":   "+OK\r\n",
			"GET / HTTP/1.1\r\n":     "-ERR Protocol error: " + errProtocol.Error() + "\r\n",
			ping + "*1\r\n+PING\r\n": "+PONG\r\n-ERR Protocol error: " + errProtocol.Error() + "\r\n",
		} {
			c := dialled(t, q)
			send(t, c, sent)
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			assert.Equal(t, want, string(got))
			_, err = c.Read(make([]byte, 1))
			assert.ErrorIs(t, err, io.EOF)
		}
	})
}

func TestConnHealth(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, q *Quorum) {
		usable := func(c net.Conn) bool {
			raw, err := c.(*conn).SyscallConn()
			if err != nil {
				return false
			}
			noFD := func(uintptr) bool { panic("there is no descriptor") }
			return errors.Join(raw.Read(noFD), raw.Write(noFD), raw.Control(func(uintptr) { noFD(0) })) == nil
		}
		c := dialled(t, q)
		assert.True(t, usable(c))
		send(t, c, ping)
		synctest.Wait()
		assert.False(t, usable(c), "there is unread data")
		expect(t, c, "+PONG\r\n")
		assert.True(t, usable(c))
		q.Member("").Link(0).Cut()
		q.Node(0).Crash()
		assert.True(t, usable(c), "the news hasn't arrived")
		q.Member("").Link(0).Heal()
		assert.False(t, usable(c))
	})
}
