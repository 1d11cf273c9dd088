package htmlreport

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// find returns a lane.
func find(t *testing.T, tl *timeline, name string) lane {
	for _, l := range tl.Lanes {
		if l.Name == name {
			return l
		}
	}
	require.Failf(t, "no such lane", "%s", name)
	return lane{}
}

// spans lists the items of a kind as [from, until] in milliseconds.
func spans(l lane, kind string) [][2]int64 {
	var all [][2]int64
	for _, i := range l.Items {
		if i.Kind == kind {
			all = append(all, [2]int64{i.From / int64(ms), i.Until / int64(ms)})
		}
	}
	return all
}

func TestLanes(t *testing.T) {
	tl := newTimeline(example())
	var names []string
	for _, l := range tl.Lanes {
		names = append(names, l.Name)
		for _, i := range l.Items {
			assert.Less(t, i.Row, len(l.Rows), "%s: %s", l.Name, i.Text)
			assert.NotEmpty(t, i.Text)
		}
	}
	assert.Equal(t, []string{"events", "client 1", "client 2", "overlap", "resource", "node A", "node B", "node C"}, names)
	assert.Equal(t, int64(90*ms), tl.End, "the last belief's")
	assert.Equal(t, int64(70*ms), tl.Seen)
}

func TestClientLanes(t *testing.T) {
	tl := newTimeline(example())
	first, second := find(t, tl, "client 1"), find(t, tl, "client 2")
	assert.Equal(t, []string{"asks", "believes", "process"}, first.Rows)
	assert.Equal(t, []string{"asks", "believes"}, second.Rows)
	assert.Equal(t, [][2]int64{{1, 10}}, spans(first, "granted"))
	assert.Equal(t, [][2]int64{{50, 90}}, spans(first, "open"), "an open operation lasts to the end")
	assert.Equal(t, [][2]int64{{10, 60}}, spans(first, "believes"))
	assert.Equal(t, [][2]int64{{14, 48}}, spans(first, "still"), "only while it's certain")
	assert.Equal(t, [][2]int64{{11, 13}}, spans(second, "refused"))
	assert.Equal(t, "client 2 asked for the lock: no: held by another", second.Items[0].Text)
	assert.Equal(t, "client 1 asked for the lock: granted, token 41", first.Items[0].Text)
}

func TestOverlapLane(t *testing.T) {
	tl := newTimeline(example())
	assert.Equal(t, [][2]int64{{30, 60}}, spans(find(t, tl, "overlap"), "overlap"))
	assert.Equal(t, [][2]int64{{int64(30 * ms), int64(60 * ms)}}, tl.Overlaps)

	h := example()
	h.Operations[2].OK, h.Operations[2].ValidUntil = false, 0
	tl = newTimeline(h)
	assert.Empty(t, tl.Overlaps)
	for _, l := range tl.Lanes {
		assert.NotEqual(t, "overlap", l.Name)
	}
}

func TestNodeLanes(t *testing.T) {
	tl := newTimeline(example())
	a, b, c := find(t, tl, "node A"), find(t, tl, "node B"), find(t, tl, "node C")
	assert.Equal(t, []string{"key", "link 1", "link 2"}, a.Rows)
	assert.Equal(t, [][2]int64{{18, 25}, {18, 25}}, spans(a, "cut"))
	assert.Equal(t, "client 1", a.Items[0].Label, "who has the key")
	assert.Equal(t, []string{"key", "process"}, b.Rows)
	assert.Equal(t, [][2]int64{{15, 17}, {17, 60}}, spans(b, "still"), "a crash ends a stop")
	assert.Equal(t, []string{"key", "clock"}, c.Rows)
	assert.Equal(t, [][2]int64{{27, 36}, {36, 70}}, spans(c, "clock"), "each jump ends the one before")
	assert.Equal(t, 2, c.Items[0].Client)
	assert.Zero(t, c.Items[1].Client, "nobody was granted a lock under this value")
}

// TestWhatServersLack shows nodes that go on, and lack something.
func TestWhatServersLack(t *testing.T) {
	h := example()
	at := func(ms int64, c effect.Change) effect.Proof {
		when := h.Start + time.Duration(ms)*time.Millisecond
		return effect.Proof{Began: when, Seen: when, Change: c}
	}
	h.Faults = []effect.Proof{
		at(20, effect.Change{State: effect.Shut, Node: "A", Detail: "no files"}),
		at(40, effect.Change{State: effect.Shut, Node: "A", Over: true}),
		at(50, effect.Change{State: effect.Unsound, Node: "A", Detail: "lying"}),
	}
	a := find(t, newTimeline(h), "node A")
	assert.Equal(t, []string{"key", "process"}, a.Rows)
	assert.Equal(t, [][2]int64{{20, 40}, {50, 70}}, spans(a, "still"))
	var texts []string
	for _, i := range a.Items {
		if i.Kind == "still" {
			texts = append(texts, i.Label+": "+i.Text)
		}
	}
	assert.Equal(t, []string{"no files: node A took no connections: it had no files", "disk: lying: node A had a disk that was lying"}, texts)
}

// TestListsOfNodes has client 1 started anew twice, with another list each time, and client 2 never ready again.
func TestListsOfNodes(t *testing.T) {
	h := example()
	for _, l := range newTimeline(h).Lanes {
		assert.NotContains(t, l.Rows, "nodes", "nobody has another list")
	}
	at := func(n int64) time.Duration { return h.Start + time.Duration(n)*ms }
	h.Nodes, h.FirstLists = 4, [][]int{{0, 1, 2}, {0, 1, 2}}
	h.Restarts = []history.Restart{
		{Client: "client 1", Ended: at(20), Began: at(25), Nodes: []int{0, 1, 2}, Joining: []int{0, 3, 2}},
		{Client: "client 2", Ended: at(30), Nodes: []int{0, 3, 2}},
		{Client: "client 1", Ended: at(40), Began: at(45), Nodes: []int{0, 3, 2}},
	}
	tl := newTimeline(h)
	first, second := find(t, tl, "client 1"), find(t, tl, "client 2")
	assert.Equal(t, "nodes", first.Rows[len(first.Rows)-1])
	assert.Equal(t, [][2]int64{{0, 20}, {25, 40}, {45, 70}}, spans(first, "list"))
	assert.Equal(t, [][2]int64{{0, 30}}, spans(second, "list"))
	var labels []string
	for _, i := range first.Items {
		if i.Kind == "list" {
			assert.Equal(t, len(first.Rows)-1, i.Row)
			labels = append(labels, i.Label+": "+i.Text)
		}
	}
	assert.Equal(t, []string{
		"ABC: client 1 needed a majority of the nodes ABC",
		"ABC + ADC: client 1 needed a majority of the nodes ABC, and one of ADC",
		"ADC: client 1 needed a majority of the nodes ADC",
	}, labels)
}

// TestSharedValue shows that a value which names no one isn't taken for anyone's.
func TestSharedValue(t *testing.T) {
	h := example()
	h.Operations[0].Token, h.Operations[2].Token, h.Keys[0].Value = "locked", "locked", "locked"
	a := find(t, newTimeline(h), "node A")
	assert.Zero(t, a.Items[0].Client)
	assert.Equal(t, "locked", a.Items[0].Label)
}

func TestResourceLane(t *testing.T) {
	l := find(t, newTimeline(example()), "resource")
	assert.Equal(t, []string{"plain", "fenced"}, l.Rows)
	var kinds []string
	for _, i := range l.Items {
		kinds = append(kinds, i.Kind)
	}
	assert.Equal(t, []string{"taken", "taken", "taken stale", "turned stale"}, kinds)
	assert.Equal(t, "client 1 wrote 1 to the fenced register with the token 41: refused; stale, since a later holder had written before", l.Items[3].Text)
}

func TestEventsLane(t *testing.T) {
	events := find(t, newTimeline(example()), "events")
	var kinds, labels []string
	for _, i := range events.Items {
		kinds, labels = append(kinds, i.Kind), append(labels, i.Label)
	}
	assert.Equal(t, []string{"fault", "denied", "note"}, kinds, "in the order of time")
	assert.Equal(t, []string{"1", "2", "3"}, labels)
	list := notes(example())
	require.Len(t, list, 3)
	assert.Equal(t, note{Number: 1, At: "+14.000 ms", What: "client 1 was paused", Fault: true}, list[0])
}

// TestUncertainBelief shows that what may last forever ends with the axis.
func TestUncertainBelief(t *testing.T) {
	h := example()
	h.Operations = append(h.Operations, history.Operation{Client: "client 2", Op: protocol.Acquire, Lease: 3, Invoked: h.Start + 65*ms})
	assert.Equal(t, [][2]int64{{65, 90}}, spans(find(t, newTimeline(h), "client 2"), "maybe"))
}

// TestOldHistories shows that histories without the newer fields have a timeline, too.
func TestOldHistories(t *testing.T) {
	tl := newTimeline(recorded(t, "violated/clock-jump-classic"))
	assert.Len(t, tl.Overlaps, 1)
	data, err := json.Marshal(tl)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "null")
}
