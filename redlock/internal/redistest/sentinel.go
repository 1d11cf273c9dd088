package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// StartSentinel starts a Sentinel that watches the master under the given name, and that
// alone decides that it's down when it hasn't answered for 300 ms.
func StartSentinel(tb testing.TB, name string, master *Server) *Server {
	tb.Helper()
	host, port, err := net.SplitHostPort(master.Addr)
	require.NoError(tb, err)
	dir := tb.TempDir()
	return start(tb, "+monitor master", func(own string) []string {
		file := filepath.Join(dir, "sentinel-"+own+".conf") // which the Sentinel rewrites
		config := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\nsentinel monitor %s %s %s 1\n"+
			"sentinel down-after-milliseconds %[3]s 300\nsentinel failover-timeout %[3]s 3000\n",
			own, dir, name, host, port)
		require.NoError(tb, os.WriteFile(file, []byte(config), 0o600))
		return []string{file, "--sentinel"}
	})
}
