package redistest

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const slots = 16384

// StartCluster starts a Redis Cluster of that many masters, and returns when each of them
// serves its share of the slots.
func StartCluster(tb testing.TB, masters int) []*Server {
	tb.Helper()
	all := make([]*Server, masters)
	buses := make([]string, masters)
	for i := range all {
		all[i] = start(tb, serverSign, func(port string) []string {
			// The default, the port plus 10000, needn't exist.
			buses[i] = freePort(tb)
			return serverArgs(tb, "--port", port, "--cluster-enabled", "yes", "--cluster-port", buses[i])
		})
		all[i].Do("CLUSTER", "ADDSLOTSRANGE", i*slots/masters, (i+1)*slots/masters-1)
		host, port, err := net.SplitHostPort(all[i].Addr)
		require.NoError(tb, err)
		all[0].Do("CLUSTER", "MEET", host, port, buses[i])
	}
	for _, s := range all {
		Await(tb, startTime, func() bool {
			return strings.Contains(s.Do("CLUSTER", "INFO").(string), "cluster_state:ok")
		}, "%s isn't part of the cluster", s.Addr)
	}
	return all
}
