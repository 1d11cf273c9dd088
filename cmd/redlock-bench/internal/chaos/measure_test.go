package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

const ms = time.Millisecond

func acquire(client string, invoked, returned, until time.Duration) history.Operation {
	return history.Operation{Client: client, Lease: int64(invoked), Op: protocol.Acquire, Invoked: invoked, Returned: returned, OK: until > 0, ValidUntil: until}
}

func TestMeasure(t *testing.T) {
	h := &history.History{TTL: 100 * ms, Start: 1000 * ms, End: 2000 * ms, Operations: []history.Operation{
		acquire("client 1", 1000*ms, 1050*ms, 1120*ms),
		acquire("client 2", 1090*ms, 1100*ms, 1150*ms),
		acquire("client 3", 1100*ms, 1110*ms, 0),
		acquire("client 1", 1600*ms, 1610*ms, 1700*ms),
		{Client: "client 2", Op: protocol.Write, Invoked: 1900 * ms},
	}}
	m := Measure(h)
	assert.Equal(t, OpCount{OK: 3, Refused: 1}, m.Operations[protocol.Acquire])
	assert.Equal(t, OpCount{Unknown: 1}, m.Operations[protocol.Write])
	assert.Equal(t, Latency{P50: 10, P90: 50, P99: 50, Max: 50}, m.Acquire)
	// Granted at 50, 100 and 610 of 1000: the gaps of 510 and 390 are too long by 410 and 290.
	assert.InDelta(t, 0.3, m.Available, 1e-9)
	assert.InDelta(t, 510, m.LongestGap, 1e-9)
	assert.Equal(t, 1, m.Overlaps)
	assert.InDelta(t, 20, m.LongestOverlap, 1e-9)
}

func TestMeasureOfNothing(t *testing.T) {
	m := Measure(&history.History{TTL: 100 * ms, Start: 1000 * ms, End: 1050 * ms})
	assert.Empty(t, m.Operations)
	assert.Zero(t, m.Acquire)
	assert.InDelta(t, 1, m.Available, 1e-9, "less than a TTL shows no gap")
}
