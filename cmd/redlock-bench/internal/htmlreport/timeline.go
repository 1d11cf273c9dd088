package htmlreport

import (
	"fmt"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// timeline is what assets/draw.js draws. Its names are short because it's most of the page. All
// times are nanoseconds since the experiment's start.
type timeline struct {
	Begin    int64      `json:"begin,omitempty"` // of the axis
	End      int64      `json:"end"`             // of the axis
	Seen     int64      `json:"seen"`            // when the observation ended; beliefs may last longer
	Overlaps [][2]int64 `json:"overlaps"`
	Lanes    []lane     `json:"lanes"`
	// Texts are those of the items, each once, since refusals repeat themselves.
	Texts []string `json:"texts"`
}

// lane is all that is known about one client, node or register.
type lane struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	Rows  []string `json:"rows"`
	Items []item   `json:"items"`
}

// item is a span or an instant.
type item struct {
	Kind   string `json:"k"`
	Row    int    `json:"r,omitempty"`
	From   int64  `json:"s"`
	Until  int64  `json:"e,omitempty"` // 0: an instant
	Client int    `json:"c,omitempty"` // whose colour, from 1
	Label  string `json:"l,omitempty"` // shown where there is room
	Text   string `json:"-"`           // shown when it's pointed at
	TextAt int    `json:"t"`           // its place in Texts
}

// drawing turns a history into lanes.
type drawing struct {
	*history.History
	beliefs  []history.Belief
	overlaps []check.Overlap
	end      time.Duration // of the axis
}

func newDrawing(h *history.History) drawing {
	beliefs := h.Beliefs()
	d := drawing{h, beliefs, check.Exclusion(beliefs).Overlaps, h.End}
	for _, b := range beliefs {
		if b.Until != history.Forever {
			d.end = max(d.end, b.Until)
		}
	}
	return d
}

// newTimeline is that of a whole history.
func newTimeline(h *history.History) *timeline {
	return newDrawing(h).timeline().finish()
}

func (d drawing) timeline() *timeline {
	h := d.History
	t := &timeline{End: d.since(d.end), Seen: d.since(h.End), Overlaps: [][2]int64{}}
	for _, o := range d.overlaps {
		t.Overlaps = append(t.Overlaps, [2]int64{d.since(o.From), d.since(o.Until)})
	}
	t.Lanes = append(t.Lanes, d.events())
	t.Lanes = append(t.Lanes, d.clients()...)
	if len(d.overlaps) > 0 {
		t.Lanes = append(t.Lanes, d.overlapping())
	}
	if len(h.Writes) > 0 {
		t.Lanes = append(t.Lanes, d.writes())
	}
	t.Lanes = append(t.Lanes, d.nodes()...)
	return t
}

func (t *timeline) collectTexts() {
	t.Texts = []string{}
	places := make(map[string]int)
	for _, l := range t.Lanes {
		for i := range l.Items {
			text := l.Items[i].Text
			place, known := places[text]
			if !known {
				place = len(t.Texts)
				places[text] = place
				t.Texts = append(t.Texts, text)
			}
			l.Items[i].TextAt = place
		}
	}
}

// since counts from the experiment's start. What never ends does so with the axis.
func (d drawing) since(at time.Duration) int64 {
	if at == history.Forever {
		at = d.end
	}
	return int64(at - d.Start)
}

// addRow adds a row to a lane and returns its place.
func (l *lane) addRow(name string) int {
	l.Rows = append(l.Rows, name)
	return len(l.Rows) - 1
}

// span is an item from one instant to another.
func (d drawing) span(kind string, row int, from, until time.Duration) item {
	// An item with an end of 0 would be an instant.
	return item{Kind: kind, Row: row, From: d.since(from), Until: max(1, d.since(until))}
}

// client returns the number of a client, from 1; 0 if it isn't known.
func (d drawing) client(name string) int {
	for i, n := range d.Clients {
		if n == name {
			return i + 1
		}
	}
	return 0
}

// events is the lane of what the harness did and saw.
func (d drawing) events() lane {
	l := lane{Name: "events", Kind: "events", Rows: []string{""}, Items: []item{}}
	denied := make(map[time.Duration]bool)
	for _, demand := range d.Demands {
		denied[demand.At] = !demand.Met
	}
	for i, n := range sortedNotes(d.History) {
		kind := "note"
		switch {
		case n.Fault:
			kind = "fault"
		case denied[n.At]:
			kind = "denied"
		}
		l.Items = append(l.Items, item{Kind: kind, From: d.since(n.At), Label: fmt.Sprint(i + 1), Text: n.What})
	}
	return l
}

// beyond explains how something can last longer than the recording; empty if it doesn't.
func (d drawing) beyond(until time.Duration) string {
	if until <= d.End || until == history.Forever {
		return ""
	}
	return "; the recording ended before that, and nothing in it ends the belief sooner than the lock's own time"
}

// overlapping is the lane of the overlaps.
func (d drawing) overlapping() lane {
	l := lane{Name: "overlap", Kind: "overlap", Rows: []string{""}}
	for _, o := range d.overlaps {
		i := d.span("overlap", 0, o.From, o.Until)
		i.Label = spoken.Duration(o.Until - o.From)
		var who []string
		for _, h := range o.Holders {
			who = append(who, h.Client)
		}
		i.Text = strings.Join(who, " and ") + " believed at the same time that they held the lock" + d.beyond(o.Until)
		l.Items = append(l.Items, i)
	}
	return l
}

// writes is the lane of the resource's registers.
func (d drawing) writes() lane {
	l := lane{Name: "resource", Kind: "resource", Rows: []string{"plain"}}
	stale := make(map[int]bool)
	for _, register := range []history.Register{history.Plain, history.Fenced} {
		for _, i := range check.Writes(d.History, register).Stale {
			stale[i] = true
		}
	}
	for i, w := range d.Writes {
		row := 0
		if w.Register == history.Fenced {
			l.Rows = []string{"plain", "fenced"}
			row = 1
		}
		l.Items = append(l.Items, d.write(w, row, stale[i]))
	}
	return l
}

func (d drawing) write(w history.Write, row int, stale bool) item {
	i := item{Kind: "taken", Row: row, From: d.since(w.At), Client: d.client(w.Client)}
	outcome := "taken"
	if !w.Accepted {
		i.Kind, outcome = "turned", "refused"
	}
	token := "without a token"
	if w.Fence > 0 {
		token = fmt.Sprintf("with the token %d", w.Fence)
		i.Label = fmt.Sprintf("…%04d", w.Fence%10000)
	}
	i.Text = fmt.Sprintf("%s wrote %d to the %s register %s: %s", w.Client, w.Read+1, w.Register, token, outcome)
	if stale {
		i.Kind += " stale"
		i.Text += "; stale, since a later holder had written before"
	}
	return i
}
