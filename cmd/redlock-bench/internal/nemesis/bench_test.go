package nemesis

import (
	"bufio"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
)

// BenchmarkRoundTrip shows what a link adds to a request and its reply: the difference of the
// two results.
func BenchmarkRoundTrip(b *testing.B) {
	c, err := cluster.Start(b.Context(), cluster.Config{Backend: cluster.Redis, Nodes: 1})
	require.NoError(b, err)
	defer c.Close()
	links, err := Listen(c.Nodes(), 1, 1)
	require.NoError(b, err)
	defer links.Close()
	for name, addr := range map[string]string{"direct": c.Node(0).Addr(), "link": links.Link(0, 0).Addr()} {
		b.Run(name, func(b *testing.B) {
			conn, err := net.Dial("tcp", addr)
			require.NoError(b, err)
			defer conn.Close()
			for b.Loop() {
				_, err := ping(conn)
				require.NoError(b, err)
			}
		})
	}
}

func ping(conn net.Conn) (string, error) {
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}
