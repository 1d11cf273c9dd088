package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

var abc, abd = []int{0, 1, 2}, []int{0, 1, 3}

// TestMinorityOfTheListsAtTheTime has B and C out of reach, which leaves a majority of none of the lists, and then C and D, which
// leaves one of A, B, C.
func TestMinorityOfTheListsAtTheTime(t *testing.T) {
	stopped := func(node string) effect.Proof {
		return effect.Proof{Began: 10, Seen: 12, Change: effect.Change{State: effect.Down, Node: node}}
	}
	for name, c := range map[string]struct {
		down     []string
		restarts []history.Restart
		want     int
	}{
		"the old list":                  {[]string{"C", "D"}, nil, 0},
		"a list that lost two":          {[]string{"B", "C"}, nil, 1},
		"the new list":                  {[]string{"B", "C"}, []history.Restart{{Client: "client 1", Ended: 20, Began: 25, Nodes: []int{0, 3, 4}}}, 0},
		"the new list, later":           {[]string{"B", "C"}, []history.Restart{{Client: "client 1", Ended: 50, Began: 55, Nodes: []int{0, 3, 4}}}, 1},
		"another client's new list":     {[]string{"B", "C"}, []history.Restart{{Client: "client 2", Ended: 20, Began: 25, Nodes: []int{0, 3, 4}}}, 1},
		"both lists":                    {[]string{"C"}, []history.Restart{{Client: "client 1", Ended: 20, Began: 25, Nodes: abc, Joining: abd}}, 0},
		"one of both lists":             {[]string{"B", "D"}, []history.Restart{{Client: "client 1", Ended: 20, Began: 25, Nodes: abc, Joining: abd}}, 1},
		"one of both, the other way":    {[]string{"B", "D"}, []history.Restart{{Client: "client 1", Ended: 20, Began: 25, Nodes: abd, Joining: abc}}, 1},
		"a client that never came back": {[]string{"C", "D"}, []history.Restart{{Client: "client 1", Ended: 20, Nodes: abd}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := &history.History{
				Nodes: 5, Clients: []string{"client 1", "client 2"}, FirstLists: [][]int{abc, abc}, Restarts: c.restarts,
				Operations: []history.Operation{{Client: "client 1", Lease: 3, Op: protocol.Acquire, Sent: 30, Received: 40, Invoked: 31, Returned: 39, OK: true, ValidUntil: 60}},
			}
			for _, node := range c.down {
				h.Faults = append(h.Faults, stopped(node))
			}
			assert.Len(t, Minorities(h), c.want)
		})
	}
}

// TestOutOfServiceWhileListsChange has B down from 100 to 500 ms and C from 200 to 500 ms. One client has the list A, B, C up to 300 ms, counts that and
// A, D, E up to 400 ms, and A, D, E after; the other has it all the time.
func TestOutOfServiceWhileListsChange(t *testing.T) {
	at := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	change := func(when int, node string, over bool) effect.Proof {
		return effect.Proof{Began: at(when), Seen: at(when), Change: effect.Change{Node: node, State: effect.Down, Over: over}}
	}
	ade := []int{0, 3, 4}
	h := &history.History{
		Nodes: 5, Clients: []string{"client 1"}, TTL: at(100), End: time.Second, FirstLists: [][]int{abc},
		Faults: []effect.Proof{change(100, "B", false), change(200, "C", false), change(500, "B", true), change(500, "C", true)},
		Restarts: []history.Restart{
			{Client: "client 1", Ended: at(290), Began: at(300), Nodes: abc, Joining: ade},
			{Client: "client 1", Ended: at(390), Began: at(400), Nodes: ade},
		},
	}
	assert.Equal(t, at(200), OutOfService(h).Out, "from 200 to 400")
	h.Clients, h.FirstLists = append(h.Clients, "client 2"), append(h.FirstLists, ade)
	assert.Zero(t, OutOfService(h).Out, "the other client had a majority")
}
