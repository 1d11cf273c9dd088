package redlock

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Middleboxes forget connections after 4 minutes and more, unless somebody says otherwise.
func TestDialsConnectionsDontGrowOld(t *testing.T) {
	for url, want := range map[string]time.Duration{
		"redis://a": time.Minute, "redis://a?conn_max_idle_time=10s": 10 * time.Second, "redis://a?conn_max_idle_time=0": -1,
	} {
		all, err := parseURLs([]string{url}, time.Second)
		require.NoError(t, err)
		assert.Equal(t, want, all[0].ConnMaxIdleTime, url)
	}
}

// Whatever listens at an address, the error says that it's no Redis server, and what to do.
func TestDialAnotherKindOfServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() { // until the listener is closed
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("SSH-2.0-OpenSSH\r\n"))
			_ = c.Close()
		}
	}()
	_, err = Dial(t.Context(), []string{"redis://" + listener.Addr().String()})
	require.ErrorIs(t, err, ErrNoQuorum)
	assert.ErrorContains(t, err, "it doesn't speak Redis's protocol")
	assert.ErrorContains(t, err, "correct the address")
}
