package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const someInfo = "# Stats\r\ntotal_net_input_bytes:1000\r\ntotal_net_output_bytes:500\r\n" +
	"# CPU\r\nused_cpu_sys:0.250000\r\nused_cpu_user:0.5\r\nused_cpu_sys_children:7.0\r\n" +
	"# Commandstats\r\ncmdstat_set:calls=10,usec=20,usec_per_call=2.00\r\ncmdstat_client|setinfo:calls=2,usec=1,usec_per_call=0.5\r\n" +
	"cmdstat_info:calls=4,usec=1,usec_per_call=0.25\r\n"

func TestReadInfo(t *testing.T) {
	u := serverUse{calls: make(map[string]int64)}
	require.NoError(t, u.read(someInfo))
	require.NoError(t, u.read(someInfo))
	assert.Equal(t, serverUse{
		calls: map[string]int64{"set": 20, "client|setinfo": 4, "info": 8}, in: 2000, out: 1000, cpu: 1500 * time.Millisecond,
	}, u, "the sum")

	for _, bad := range []string{"cmdstat_set:calls=x", "used_cpu_user:much"} {
		assert.ErrorContains(t, u.read(bad), bad)
	}
}

func TestLookingDoesntCount(t *testing.T) {
	before := serverUse{calls: map[string]int64{"info": 3, "set": 1}, out: 100, looks: 1, looked: 5000}
	after := serverUse{calls: map[string]int64{"info": 4, "set": 1, "get": 2}, out: 5110}
	assert.Equal(t, serverUse{calls: map[string]int64{"get": 2}, out: 10}, after.since(before))
}
