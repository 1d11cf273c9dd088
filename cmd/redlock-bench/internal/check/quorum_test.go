package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// TestLockFromAMinority has a client of five nodes that got the lock between 30 and 40.
func TestLockFromAMinority(t *testing.T) {
	begins := func(state effect.State, node string, seen time.Duration, clients ...int) effect.Proof {
		return effect.Proof{Began: seen - 2, Seen: seen, Change: effect.Change{State: state, Node: node, Clients: clients}}
	}
	ends := func(state effect.State, node string, began time.Duration, clients ...int) effect.Proof {
		return effect.Proof{Began: began, Seen: began + 2, Change: effect.Change{State: state, Node: node, Clients: clients, Over: true}}
	}
	stopped := []effect.Proof{begins(effect.Stopped, "A", 20), begins(effect.Stopped, "B", 25), begins(effect.Stopped, "C", 30)}
	for name, c := range map[string]struct {
		uses   []int
		faults []effect.Proof
		spoil  func(*history.Operation)
		want   bool
	}{
		"all answer":                    {nil, nil, nil, false},
		"three of five are stopped":     {nil, stopped, nil, true},
		"two of five are stopped":       {nil, stopped[:2], nil, false},
		"refused":                       {nil, stopped, func(o *history.Operation) { o.OK = false }, false},
		"never returned":                {nil, stopped, func(o *history.Operation) { o.Returned = 0 }, false},
		"the third was stopped after":   {nil, append(stopped[:2:2], begins(effect.Stopped, "C", 31)), nil, false},
		"the third went on before":      {nil, append(stopped[:3:3], ends(effect.Stopped, "C", 39)), nil, false},
		"the third went on after":       {nil, append(stopped[:3:3], ends(effect.Stopped, "C", 40)), nil, true},
		"another ended":                 {nil, append(stopped[:3:3], ends(effect.Down, "C", 35)), nil, true},
		"one down, one cut off":         {nil, append(stopped[:1:1], begins(effect.Down, "D", 20), begins(effect.CutOff, "E", 20, 0, 1)), nil, true},
		"another's links were cut":      {nil, append(stopped[:2:2], begins(effect.CutOff, "E", 20, 1)), nil, false},
		"another's links were mended":   {nil, append(stopped[:2:2], begins(effect.CutOff, "E", 20, 0), ends(effect.CutOff, "E", 35, 1)), nil, true},
		"the third takes no clients":    {nil, append(stopped[:2:2], begins(effect.Shut, "C", 20)), nil, true},
		"the third took them again":     {nil, append(stopped[:2:2], begins(effect.Shut, "C", 20), ends(effect.Shut, "C", 35)), nil, false},
		"the third has a broken disk":   {nil, append(stopped[:2:2], begins(effect.Unsound, "C", 20)), nil, false},
		"slow":                          {nil, append(stopped[:2:2], begins(effect.Slow, "E", 20, 0)), nil, false},
		"a client is stopped":           {nil, append(stopped[:2:2], begins(effect.Stopped, "", 20, 0)), nil, false},
		"its only node":                 {[]int{2}, stopped, nil, true},
		"not its only node":             {[]int{3}, stopped, nil, false},
		"the client says it was before": {nil, stopped, func(o *history.Operation) { o.Invoked, o.Returned = 1, 2 }, true},
		"by its word, for want of ours": {nil, stopped, func(o *history.Operation) { o.Sent, o.Received = 0, 0 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := history.Operation{Client: "client 1", Lease: 3, Op: protocol.Acquire, Sent: 30, Received: 40, Invoked: 31, Returned: 39, OK: true, ValidUntil: 60}
			if c.spoil != nil {
				c.spoil(&o)
			}
			h := &history.History{Nodes: 5, Uses: c.uses, Clients: []string{"client 1", "client 2"}, Operations: []history.Operation{o}, Faults: c.faults}
			found := Minorities(h)
			assert.Len(t, found, map[bool]int{true: 1}[c.want])
			assert.Equal(t, c.want, Judge(h).Exclusion == Violated)
			if c.want {
				assert.Contains(t, found[0], "client 1 got the lock while")
				assert.Contains(t, Judge(h).Findings, found[0])
			}
		})
	}
}
