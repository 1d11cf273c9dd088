package htmlreport

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
)

// TestEmptyRowsSayWhatIsMissing has a node that was never seen with the key, and a client that was always refused.
func TestEmptyRowsSayWhatIsMissing(t *testing.T) {
	h := example()
	h.Operations[2].OK, h.Operations[2].ValidUntil = false, 0
	tl := newTimeline(h)
	labels := func(lane string) (all []string) {
		for _, i := range find(t, tl, lane).Items {
			if i.Kind == "nothing" {
				assert.Equal(t, [2]int64{0, tl.Seen}, [2]int64{i.From, i.Until}, "for as long as was recorded")
				all = append(all, i.Label+": "+tl.Texts[i.TextAt])
			}
		}
		return all
	}
	assert.Equal(t, []string{"no key seen: here, node B was never seen to have the lock's key; a key that is gone again before the next look isn't seen"}, labels("node B"))
	assert.Equal(t, []string{"no belief: here, client 2 didn't believe that it held the lock"}, labels("client 2"))
	for _, full := range []string{"events", "client 1", "resource", "node A"} {
		assert.Empty(t, labels(full), full)
	}
}

// TestWindowsLeaveOutWhatTheyDontShow cuts out a span in which no link was cut, and node B, which was down, not yet so.
func TestWindowsLeaveOutWhatTheyDontShow(t *testing.T) {
	h := example()
	d := newDrawing(h)
	tl := d.cut(d.timeline(), window{h.Start, h.Start + 11*ms}).finish()
	assert.Equal(t, []string{"asks", "believes"}, find(t, tl, "client 1").Rows, "it was stopped later")
	assert.Equal(t, []string{"key"}, find(t, tl, "node A").Rows)
	assert.Equal(t, []string{"key"}, find(t, tl, "node B").Rows)
	for _, l := range tl.Lanes {
		assert.NotEqual(t, "overlap", l.Name)
	}
}

// TestBeliefsBeyondTheRecordingSayWhy has client 2's end at 90 ms, and the recording at 70 ms.
func TestBeliefsBeyondTheRecordingSayWhy(t *testing.T) {
	const why = "the recording ended before that"
	tl := newTimeline(example())
	for lane, beyond := range map[string]bool{"client 1": false, "client 2": true, "overlap": false} {
		for _, i := range find(t, tl, lane).Items {
			if i.Kind == "believes" || i.Kind == "overlap" {
				assert.Equal(t, beyond, strings.Contains(i.Text, why), lane)
			}
		}
	}
	h := example()
	h.Operations[0].ValidUntil = h.Operations[2].ValidUntil
	for _, i := range find(t, newTimeline(h), "overlap").Items {
		assert.Contains(t, i.Text, why)
	}
}

// TestCaptionsExplainWhatIsDrawn has everything that a sketch can show, and then a sketch that shows only beliefs.
func TestCaptionsExplainWhatIsDrawn(t *testing.T) {
	captions := strings.Join(newHero(both(t)).Captions, "\n")
	for _, want := range []string{"the number is how long that is", "A lock lives for 50ms (its TTL)", "key: whose lock", "process, hatched", "clock: by how much", "The recording ends, at the dotted line"} {
		assert.Contains(t, captions, want)
	}
	assert.NotContains(t, captions, "reaches")

	h := example()
	h.Faults, h.Operations[2].ValidUntil = nil, h.End
	d := newDrawing(h)
	said := d.captions(nil, d.sketch(nil))
	assert.Len(t, said, 1, "%q", said)
}

// TestReach shows which nodes each client reaches, and which of them both do.
func TestReach(t *testing.T) {
	h := example()
	d := newDrawing(h)
	assert.Equal(t, "Client 1 reaches only nodes B and C; client 2 reaches only nodes B and C. They have only nodes B and C in common.", d.reach(h.Start+20*ms))
	assert.Empty(t, d.reach(h.Start+30*ms), "the cut is over")
	cut := func(node string, client int) effect.Proof {
		return effect.Proof{Seen: h.Start, Change: effect.Change{State: effect.CutOff, Node: node, Clients: []int{client}}}
	}
	h.Faults = []effect.Proof{cut("C", 0), cut("A", 1)}
	assert.Equal(t, "Client 1 reaches only nodes A and B; client 2 reaches only nodes B and C. They have only node B in common.", newDrawing(h).reach(h.Start+30*ms))
	h.Faults = []effect.Proof{cut("A", 0), cut("B", 0), cut("C", 0)}
	assert.Equal(t, "Client 1 reaches no node.", newDrawing(h).reach(h.Start+30*ms))
}

// TestEveryGuardIsExplained holds the page's words for guards to those that scenarios name.
func TestEveryGuardIsExplained(t *testing.T) {
	named := make(map[string]bool)
	for _, s := range scenario.All() {
		if s.Guard != "" {
			named[s.Guard] = true
			assert.NotEmpty(t, guards[s.Guard], s.Guard)
		}
	}
	assert.Len(t, named, len(guards))
}
