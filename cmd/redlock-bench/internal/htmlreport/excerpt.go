package htmlreport

import (
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
)

// window is a piece of a history.
type window struct{ from, until time.Duration }

func (w window) length() time.Duration { return w.until - w.from }

// widened has something of its surroundings.
func (w window) widened() window {
	margin := w.length() / 16
	return window{w.from - margin, w.until + margin}
}

// longest returns the overlap that lasted longest.
func (d drawing) longest() (check.Overlap, bool) {
	if len(d.overlaps) == 0 {
		return check.Overlap{}, false
	}
	return slices.MaxFunc(d.overlaps, func(a, b check.Overlap) int {
		return int((a.Until - a.From) - (b.Until - b.From))
	}), true
}

// around is the window of all beliefs that have a part in an overlap.
func (d drawing) around(o check.Overlap) window {
	w := window{o.From, o.Until}
	for _, b := range d.beliefs {
		if b.Certain && slices.Contains(o.Holders, b.Holder) && b.From <= o.From && b.Until >= o.Until {
			w = window{min(w.from, b.From), max(w.until, b.Until)}
		}
	}
	return w
}

// lastFault returns the last fault before an instant that hit a node or a client itself, or else nil. The cut
// links of an experiment only set its stage.
func (d drawing) lastFault(before time.Duration) *effect.Proof {
	for i, p := range slices.Backward(d.Faults) {
		staging := p.Change.State == effect.CutOff || p.Change.State == effect.Slow
		if p.Began <= before && !p.Change.Over && !staging {
			return &d.Faults[i]
		}
	}
	return nil
}

// sameFault returns the first fault that is the same as another experiment's.
func (d drawing) sameFault(other *effect.Proof) *effect.Proof {
	if other == nil {
		return nil
	}
	for i, p := range d.Faults {
		if p.Fault == other.Fault && (p.Target == other.Target || p.Change.State == effect.Stopped) {
			return &d.Faults[i]
		}
	}
	return nil
}

// turns is the window that begins with the belief that a fault hit, and shows who has the lock next.
func (d drawing) turns(fault *effect.Proof) window {
	w := window{d.Start, d.end}
	i := slices.IndexFunc(d.beliefs, func(b history.Belief) bool { return fault == nil || b.Until > fault.Began })
	if i >= 0 {
		first := d.beliefs[i]
		w = window{first.From, first.Until}
		next := slices.IndexFunc(d.beliefs, func(b history.Belief) bool { return b.From > first.From && b.Holder.Client != first.Holder.Client })
		if next >= 0 {
			w.until = min(d.beliefs[next].From+first.Until-first.From, d.beliefs[next].Until)
		}
	}
	if fault != nil {
		w.from = min(w.from, fault.Began)
	}
	return w
}

// cut leaves out of a timeline what isn't in the window.
func (d drawing) cut(t *timeline, w window) *timeline {
	t.Begin, t.End = max(0, d.since(w.from)), d.since(w.until)
	t.Overlaps = slices.DeleteFunc(t.Overlaps, func(o [2]int64) bool { return o[0] > t.End || o[1] < t.Begin })
	for i := range t.Lanes {
		t.Lanes[i].Items = slices.DeleteFunc(t.Lanes[i].Items, func(i item) bool {
			return i.From > t.End || max(i.From, i.Until) < t.Begin
		})
	}
	return t
}

// keepRows leaves only some rows of a lane.
func (l *lane) keepRows(wanted func(string) bool) {
	place := make(map[int]int)
	var rows []string
	for i, name := range l.Rows {
		if wanted(name) {
			place[i] = len(rows)
			rows = append(rows, name)
		}
	}
	items := []item{}
	for _, i := range l.Items {
		if row, kept := place[i.Row]; kept {
			i.Row = row
			items = append(items, i)
		}
	}
	l.Rows, l.Items = rows, items
}

// sketch is a timeline of no more than what explains a verdict: the fault, who believed when, and whose key the
// nodes had that the fault hit.
func (d drawing) sketch(fault *effect.Proof) *timeline {
	t := d.timeline()
	var lanes []lane
	if fault != nil {
		what := fault.Target + " " + fault.Fault
		lanes = append(lanes, lane{Name: "fault", Kind: "fault", Rows: []string{""}, Items: []item{
			{Kind: "moment", From: d.since(fault.Seen), Label: what, Text: what},
		}})
	}
	for _, l := range t.Lanes {
		switch l.Kind {
		case "client":
			l.keepRows(func(row string) bool { return row == "believes" || row == "process" })
			l.Rows[0] = "" // the sentence says what the bars are
		case "overlap":
			l.Name = "both"
		case "node":
			if fault == nil || l.Name != "node "+fault.Change.Node {
				continue
			}
			l.keepRows(func(row string) bool { return row == "process" || row == "clock" || row == "key" && len(d.Keys) > 0 })
		default:
			continue
		}
		if len(l.Rows) > 0 {
			lanes = append(lanes, l)
		}
	}
	t.Lanes = lanes
	return t
}
