package redistest

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const slots = 16384

// busOffset is how far the port of a cluster's bus is above that for clients, unless
// configured otherwise, which Redis has let one do since 7.0 only.
const busOffset = 10_000

// StartCluster starts a Redis Cluster of that many masters, and returns when each of them
// serves its share of the slots.
func StartCluster(tb testing.TB, masters int) []*Server {
	tb.Helper()
	all := make([]*Server, masters)
	for i := range all {
		all[i] = StartClusterNode(tb)
		// By name: ranges of slots are a command of their own, and a newer one.
		command := []any{"CLUSTER", "ADDSLOTS"}
		for slot := i * slots / masters; slot < (i+1)*slots/masters; slot++ {
			command = append(command, slot)
		}
		all[i].Do(command...)
		host, port, err := net.SplitHostPort(all[i].Addr)
		require.NoError(tb, err)
		all[0].Do("CLUSTER", "MEET", host, port)
	}
	for _, s := range all {
		Await(tb, startTime, func() bool {
			info := s.Do("CLUSTER", "INFO").(string)
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_size:"+strconv.Itoa(masters))
		}, "%s isn't part of the cluster", s.Addr)
	}
	return all
}

// StartClusterNode starts a server in cluster mode that serves no slot and knows no other.
func StartClusterNode(tb testing.TB) *Server {
	tb.Helper()
	return startAt(tb, freeBusPort, serverSign, func(port string) []string {
		return serverArgs(tb, "--port", port, "--cluster-enabled", "yes")
	})
}

// freeBusPort returns a free port that has another one for the bus.
func freeBusPort(tb testing.TB) string {
	for range 1000 {
		port := freePort(tb)
		n, err := strconv.Atoi(port)
		require.NoError(tb, err)
		if n+busOffset > 65535 {
			continue
		}
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(n+busOffset))); err == nil {
			require.NoError(tb, l.Close())
			return port
		}
	}
	require.FailNow(tb, "no free port for a cluster's bus")
	return ""
}
