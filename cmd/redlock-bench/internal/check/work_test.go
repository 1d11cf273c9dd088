package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// busy is a history of random faults in which two clients take turns for 20 TTLs, ten times each. While the
// one believes the other is refused, and each writes what it has read plus one, with its token.
func busy() *history.History {
	const ttl = time.Second
	h := &history.History{
		Clients: []string{"client 1", "client 2"}, TTL: ttl, Fencing: true, Start: time.Second, End: 21 * time.Second,
		Chaos: &history.Chaos{Faults: []history.FaultCount{{Kind: "flush", Planned: 1, Proven: 1}}},
	}
	for i := range 20 {
		at, fence := h.Start+time.Duration(i)*ttl, int64(i+1)
		owner, other := h.Clients[i%2], h.Clients[1-i%2]
		h.Operations = append(h.Operations,
			history.Operation{Client: owner, Op: protocol.Acquire, Lease: fence, Invoked: at, Returned: at + 10, OK: true, Fence: fence, ValidUntil: at + ttl/2},
			history.Operation{Client: other, Op: protocol.Acquire, Lease: fence, Invoked: at + 20, Returned: at + 30})
		for _, register := range []history.Register{history.Plain, history.Fenced} {
			h.Writes = append(h.Writes, history.Write{Client: owner, Lease: fence, Register: register, At: at + 40, Fence: fence, Read: int64(i), Accepted: true})
		}
	}
	return h
}

// onlyOps leaves those operations out that aren't wanted.
func onlyOps(h *history.History, wanted func(history.Operation) bool) {
	h.Operations = slices.DeleteFunc(h.Operations, func(o history.Operation) bool { return !wanted(o) })
}

// TestTooLittleHappened states when a history of random faults is no ground for a verdict.
func TestTooLittleHappened(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*history.History)
		want  string // part of the doubts, "" for none
	}{
		"enough":            {func(*history.History) {}, ""},
		"nothing happened":  {func(h *history.History) { h.Operations, h.Writes = nil, nil }, "0 acquisitions in 20s, of at least 5"},
		"too few in 18 TTL": {func(h *history.History) { onlyOps(h, func(o history.Operation) bool { return !o.OK || o.Lease == 1 }) }, "1 acquisitions in 20s, of at least 5"},
		"too few for a long run": {func(h *history.History) { h.End += 70 * time.Second },
			"20 acquisitions in 1m30s, of at least 22"},
		"a client that gets nothing": {func(h *history.History) {
			for i := range h.Operations {
				h.Operations[i].OK = h.Operations[i].OK && h.Operations[i].Client == "client 1"
			}
		}, "0 acquisitions by client 2, of at least 1"},
		"a client that believes nothing": {func(h *history.History) {
			for i := range h.Operations {
				h.Operations[i].ValidUntil = 0
			}
		}, "0 acquisitions that were believed in, of at least 10"},
		"nobody contends": {func(h *history.History) { onlyOps(h, func(o history.Operation) bool { return o.OK }) },
			"0 attempts while another client believed, of at least 2"},
		"nobody writes": {func(h *history.History) { h.Writes = nil }, "0 writes, of at least 5"},
		"tokens aren't sent": {func(h *history.History) {
			h.Writes = slices.DeleteFunc(h.Writes, func(w history.Write) bool { return w.Register == history.Fenced })
			for i := range h.Writes {
				h.Writes[i].Fence = 0
			}
		}, "20 of 20 writes didn't carry the fencing token of their acquisition"},
		"another's token":         {func(h *history.History) { h.Writes[2].Fence = 1 }, "1 of 20 writes didn't carry"},
		"a write without a lease": {func(h *history.History) { h.Writes[4].Lease = 99 }, "1 of 20 writes were under no acquisition"},
	} {
		t.Run(name, func(t *testing.T) {
			h := busy()
			c.spoil(h)
			j := Judge(h)
			if c.want == "" {
				assert.Empty(t, j.Doubts)
				assert.Equal(t, []Verdict{Held, Held, Held}, []Verdict{j.Exclusion, j.Fencing, j.Availability}, j.Findings)
				return
			}
			assert.Contains(t, strings.Join(j.Doubts, "\n"), c.want)
			assert.Equal(t, Unknown, j.Exclusion)
			assert.NotEqual(t, Held, j.Fencing)
		})
	}
}

// TestViolationsStandHoweverLittleHappened shows that doubts excuse nothing.
func TestViolationsStandHoweverLittleHappened(t *testing.T) {
	h := busy()
	h.Operations, h.Writes = h.Operations[:2], nil
	h.Operations[1].OK, h.Operations[1].ValidUntil, h.Operations[1].Fence = true, h.End, 1
	j := Judge(h)
	assert.NotEmpty(t, j.Doubts)
	assert.Equal(t, Violated, j.Exclusion)
	assert.Equal(t, Violated, j.Fencing, "the same token twice")
}

// TestScenariosAskForTheRaceOnly shows that a scenario, which has a few acquisitions by design, must have what
// it's about, and no more.
func TestScenariosAskForTheRaceOnly(t *testing.T) {
	short := func() *history.History {
		h := busy()
		h.Chaos, h.Operations, h.Writes = nil, h.Operations[:2], h.Writes[:2]
		return h
	}
	for name, c := range map[string]struct {
		spoil func(*history.History)
		want  string
	}{
		"one granted, one refused": {func(*history.History) {}, ""},
		"all refused":              {func(h *history.History) { h.Operations[0].OK, h.Writes = false, nil }, ""},
		"one client by design":     {func(h *history.History) { h.Clients, h.Operations = h.Clients[:1], h.Operations[:1] }, ""},
		"nobody else asked":        {func(h *history.History) { h.Operations = h.Operations[:1] }, "1 of 2 clients asked for the lock"},
		"no answer":                {func(h *history.History) { h.Operations[1].Returned = 0 }, "1 of 2 clients asked for the lock"},
		"nobody believed":          {func(h *history.History) { h.Operations[0].ValidUntil = 0 }, "no client ever believed"},
		"a token isn't sent":       {func(h *history.History) { h.Writes[0].Fence, h.Writes = 0, h.Writes[:1] }, "didn't carry the fencing token"},
		"a write without a lease":  {func(h *history.History) { h.Writes[0].Lease = 99 }, "under no acquisition"},
	} {
		t.Run(name, func(t *testing.T) {
			h := short()
			c.spoil(h)
			if j := Judge(h); c.want == "" {
				assert.Empty(t, j.Doubts)
				assert.Equal(t, Held, j.Exclusion)
			} else {
				assert.Contains(t, strings.Join(j.Doubts, "\n"), c.want)
				assert.NotEqual(t, Held, j.Exclusion)
			}
		})
	}
}

func TestAvailabilityUnderRandomFaults(t *testing.T) {
	h := busy()
	onlyOps(h, func(o history.Operation) bool { return o.Lease <= 4 })
	// Granted for the last time after 3 of 20 seconds, and good for one more.
	assert.Equal(t, AvailabilityResult{Violated, []string{"available for 20.0 % of the time, of at least 25 %; the longest gap was 17s"}}, Granted(h))
	assert.Equal(t, Violated, Judge(h).Availability)
	h.End = h.Start + 15*time.Second
	assert.Equal(t, Held, Granted(h).Verdict)
}

func TestLeastWorkIsStated(t *testing.T) {
	for _, number := range []string{"90 % of all", "per 4 TTLs, and at least 5", "10 % of an even share", "believed in 50 of 100", "10 attempts", "25 writes", "25 % of the time"} {
		assert.Contains(t, LeastWork(), number)
	}
	assert.NotContains(t, LeastWork(), fmt.Sprint(0.1))
}
