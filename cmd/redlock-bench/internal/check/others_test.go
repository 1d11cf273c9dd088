package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// TestOtherLocksAreJudged has clients that hold several locks at once: each name is a lock of its own.
func TestOtherLocksAreJudged(t *testing.T) {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	acquired := func(client, name string, lease, at, until, fence int64) history.Operation {
		return history.Operation{Client: client, Name: name, Lease: lease, Op: protocol.Acquire, Sent: ms(at), Received: ms(at + 2),
			Invoked: ms(at), Returned: ms(at + 1), OK: true, Fence: fence, ValidUntil: ms(until), Token: client + name}
	}
	for want, c := range map[string]struct {
		second             history.Operation
		exclusion, fencing Verdict
	}{
		"": {acquired("client 2", "job 3", 3, 20, 90, 5), None, Held},
		"lock job 2: +21ms: client 1 (granted at +11ms) and client 2 (granted at +21ms) believed for 69 ms at the same time":                       {acquired("client 2", "job 2", 3, 20, 90, 9), Violated, Held},
		"lock job 2: +111ms: client 2 (granted at +111ms) has the token 5, and client 1 (granted at +11ms), which was over before it began, has 7": {acquired("client 2", "job 2", 3, 110, 190, 5), None, Violated},
	} {
		h := &history.History{Nodes: 1, Fencing: true, Clients: []string{"client 1", "client 2"},
			Operations: []history.Operation{acquired("client 2", "", 1, 5, 100, 1)},
			Others:     []history.Operation{acquired("client 1", "job 2", 2, 10, 100, 7), c.second},
		}
		j := Judge(h)
		assert.Equal(t, c.exclusion == Violated, j.Exclusion == Violated, want)
		assert.Equal(t, c.fencing == Violated, j.Fencing == Violated, want)
		assert.Equal(t, want != "", len(j.Findings) > 0, j.Findings)
		if want != "" {
			assert.Contains(t, j.Findings[0], want)
		}
		assert.Equal(t, 1, j.Acquired, "the experiment's own")
	}
}
