package htmlreport

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

const (
	// chapter is how much time one timeline of a run under random faults has, in TTLs: as much as can be read.
	chapter = 10
	// mostChapters is how many are drawn of a subject. A page of a whole day couldn't be opened.
	mostChapters = 12
)

// Chaos is a run under random faults to show: one plan, or one for each claim.
type Chaos struct {
	Reports []*chaos.Report
	// Outcomes are those that the reports were made of, in the same order.
	Outcomes [][]*chaos.Outcome
	// Date is when the run began.
	Date time.Time
	// Versions names the programs involved, each with its version.
	Versions []string
	// Command repeats the run.
	Command string
}

// chaosPage is what the template shows.
type chaosPage struct {
	Chaos
	Style      template.CSS
	ChartStyle template.CSS
	Script     template.JS
	Headline   string
	Hero       *hero
	Plans      []chaosPlan
}

// chaosPlan is one plan with its runs.
type chaosPlan struct {
	Title, Reached, Bargain, Gaps, Held string
	Subjects                            []string
	Rows                                []chaos.Row
	Runs                                []chaosRun
}

// Ours tells whether a column is this module's own lock.
func (chaosPlan) Ours(name string) bool { return name == subject.Ours }

// chaosRun is what happened to one subject.
type chaosRun struct {
	ID, Name, About string
	Ours            bool
	Class, Verdict  string
	Error           string
	Findings        []string
	Chapters        []chaosChapter
	Left            string // what isn't drawn
}

// chaosChapter is a piece of a run.
type chaosChapter struct {
	ID, Title string
	Timeline  *timeline
	Notes     []note
}

// Write writes the page. The error is that of w.
func (c Chaos) Write(w io.Writer) error {
	p := chaosPage{
		Chaos: c, Style: template.CSS(asset("style.css")), ChartStyle: template.CSS(asset("chart.css")), Script: script(),
		Headline: c.headline(), Hero: c.hero(),
	}
	for i, r := range c.Reports {
		plan := chaosPlan{Title: r.Title(), Reached: r.Reached(), Bargain: r.Bargain(), Gaps: r.Gaps(), Held: check.LeastWork(),
			Rows: slices.Concat(r.Verdicts(), r.Measured(), r.Faults())}
		for j, o := range c.Outcomes[i] {
			plan.Subjects = append(plan.Subjects, o.Subject.Name)
			plan.Runs = append(plan.Runs, newChaosRun(anchor(r.Fingerprint, o.Subject.Name), r.Results[j], o))
		}
		p.Plans = append(p.Plans, plan)
	}
	if err := pageTemplate.ExecuteTemplate(w, "chaos.html", p); err != nil {
		return fmt.Errorf("htmlreport: %w", err)
	}
	return nil
}

// headline says in one sentence what was found.
func (c Chaos) headline() string {
	faults, wrongs := 0, make(map[string]*chaos.Wrongs)
	var names []string
	for i, r := range c.Reports {
		faults += len(r.Plan.Faults)
		for j, o := range c.Outcomes[i] {
			name := o.Subject.Name
			if wrongs[name] == nil {
				names, wrongs[name] = append(names, name), &chaos.Wrongs{}
			}
			wrongs[name].Add(r.Results[j])
		}
	}
	var said []string
	for _, name := range names {
		if w := wrongs[name]; !w.None() {
			said = append(said, introduced(name)+" "+w.Sentence(""))
		}
	}
	s := fmt.Sprintf("Under %s, ", spoken.Count(faults, "random fault"))
	if said == nil {
		return s + "no lock was seen to let two clients hold it at once."
	}
	if ours := wrongs[subject.Ours]; ours != nil && ours.None() {
		said = append(said, introduced(subject.Ours)+" never")
	}
	return s + strings.Join(said, "; ") + "."
}

// introduced says whose lock this module's own is.
func introduced(name string) string {
	if name == subject.Ours {
		return name + ", this library’s lock,"
	}
	return name
}

// hero is the longest overlap, and this module's lock at the same time of the same plan; nil if there's none.
func (c Chaos) hero() *hero {
	var worst check.Overlap
	var of *chaos.Outcome
	var plan int
	for i, outcomes := range c.Outcomes {
		for _, o := range outcomes {
			if o.History == nil {
				continue
			}
			if found, ok := newDrawing(o.History).longest(); ok && (of == nil || found.Until-found.From > worst.Until-worst.From) {
				worst, of, plan = found, o, i
			}
		}
	}
	if of == nil {
		return nil
	}
	d := newDrawing(merged(of.History))
	fault := d.lastFault(worst.From)
	w := d.around(worst)
	said := sayOverlap(worst) + "."
	if fault != nil {
		w.from = min(w.from, fault.Began)
		said += fmt.Sprintf(" The last fault before that, by %s: %s %s.", spoken.Duration(worst.From-fault.Seen), fault.Target, fault.Fault)
	}
	id := c.Reports[plan].Fingerprint
	h := &hero{Title: "The longest time for which two clients held the lock", Sides: []heroSide{{
		Subject: of.Subject.Name, Anchor: anchor(id, of.Subject.Name), Class: "violated", Sentence: said,
		Timeline: d.excerpt(fault, w),
	}}}
	i := slices.IndexFunc(c.Outcomes[plan], func(o *chaos.Outcome) bool {
		return o.Subject.Name == subject.Ours && o.Exclusion == check.Held && !o.Violated() && o.History != nil
	})
	h.Captions = d.captions(fault, h.Sides[0].Timeline)
	if i < 0 {
		return h
	}
	held := newDrawing(merged(c.Outcomes[plan][i].History))
	from := held.Start + w.from - d.Start
	beside := window{from, from + w.length()}
	if beside.from >= held.End {
		return h // it didn't come so far
	}
	h.Sides = append(h.Sides, heroSide{
		Subject: subject.Ours, Anchor: anchor(id, subject.Ours), Class: "held",
		Sentence: "at the same time of the same schedule; never in its run did two clients believe at once that they held the lock.",
		Timeline: held.excerpt(held.nearest(fault, d.Start), beside),
	})
	h.Captions = d.captions(fault, h.Sides[0].Timeline, h.Sides[1].Timeline)
	return h
}

// excerpt is a sketch of a window, without rows that have nothing in it.
func (d drawing) excerpt(fault *effect.Proof, w window) *timeline {
	t := d.cut(d.sketch(fault), w.widened())
	for i := range t.Lanes {
		l := &t.Lanes[i]
		used := make(map[string]bool)
		for _, item := range l.Items {
			used[l.Rows[item.Row]] = true
		}
		first := l.Rows[0]
		l.keepRows(func(row string) bool { return used[row] || l.Kind == "client" && row == first })
		if l.Kind == "fault" && fault != nil && len(l.Items) > 0 {
			l.Items[0].Label = fault.Fault // whose it is says the sentence, and the picture may be narrow
		}
	}
	t.Lanes = slices.DeleteFunc(t.Lanes, func(l lane) bool { return len(l.Rows) == 0 })
	return t.finish()
}

// nearest returns the fault that's the same as one of another run of the plan, which began at start.
func (d drawing) nearest(other *effect.Proof, start time.Duration) *effect.Proof {
	if other == nil {
		return nil
	}
	apart := func(p effect.Proof) time.Duration {
		return max(p.Began-d.Start-(other.Began-start), other.Began-start-(p.Began-d.Start))
	}
	var best *effect.Proof
	for i, p := range d.Faults {
		if p.Fault == other.Fault && p.Target == other.Target && (best == nil || apart(p) < apart(*best)) {
			best = &d.Faults[i]
		}
	}
	return best
}

func newChaosRun(id string, result chaos.Result, o *chaos.Outcome) chaosRun {
	r := chaosRun{
		ID: id, Name: result.Subject, About: capitalised(o.Subject.About), Ours: result.Subject == subject.Ours,
		Class: string(result.Exclusion), Verdict: string(result.Exclusion), Findings: slices.Concat(result.Findings, result.Doubts), Error: result.Error,
	}
	if result.Overlaps > 0 {
		r.Verdict = spoken.Count(result.Overlaps, "overlap") + ", " + spoken.FromMilliseconds(result.OverlapMS) + " in all"
	}
	if result.Fencing == check.Violated || result.Linearizable == check.Violated {
		link := ", and"
		if result.Exclusion != check.Violated {
			link = ", but"
		}
		r.Class, r.Verdict = string(check.Violated), r.Verdict+link+" wrong fencing tokens"
	}
	if o.History == nil || o.History.TTL == 0 {
		return r
	}
	d := newDrawing(merged(o.History))
	all := d.chapters()
	for _, w := range all.chosen {
		t := d.cut(d.timeline(), w)
		t.dropUnseen(len(d.Keys) > 0)
		t.Seen = d.since(min(d.End, w.until)) // only a recording that ends here has an end to show
		if d.End > w.until {
			t.Seen = t.End
		}
		t.finish()
		name := fmt.Sprintf("%v to %v", (w.from - d.Start).Round(time.Millisecond), (w.until - d.Start).Round(time.Millisecond))
		r.Chapters = append(r.Chapters, chaosChapter{
			ID: fmt.Sprintf("%s.%d", id, d.since(w.from)/int64(time.Millisecond)), Title: name, Timeline: t, Notes: notesIn(d.History, w),
		})
	}
	if all.left > 0 {
		r.Left = fmt.Sprintf("%s of %v each aren’t drawn, since less happened in them. The JSON has everything.", spoken.Count(all.left, "more span"), chapter*d.TTL)
	}
	return r
}

// dropUnseen leaves out who had the key, where nobody looked.
func (t *timeline) dropUnseen(watched bool) {
	for i := range t.Lanes {
		if t.Lanes[i].Kind == "node" && !watched {
			t.Lanes[i].keepRows(func(row string) bool { return row != "key" })
		}
	}
	t.Lanes = slices.DeleteFunc(t.Lanes, func(l lane) bool { return len(l.Rows) == 0 })
}

// notesIn are the notes of a window, with their numbers in the whole history.
func notesIn(h *history.History, w window) []note {
	var some []note
	sorted := sortedNotes(h)
	for i, n := range notes(h) {
		if at := sorted[i].At; at >= w.from && at <= w.until {
			some = append(some, n)
		}
	}
	return some
}

// chapters are pieces of a history to draw, in their order, and how many are left out.
type chapters struct {
	chosen []window
	left   int
}

// chapters chooses the pieces in which clients overlapped for longest, then those in which nobody got the lock for
// longest, as far as not all can be drawn.
func (d drawing) chapters() chapters {
	type rated struct {
		window
		overlap, gap time.Duration
	}
	var all []rated
	for from := d.Start; from < d.End; from += chapter * d.TTL {
		all = append(all, rated{window: window{from, min(from+chapter*d.TTL, d.End)}})
	}
	if last := len(all) - 1; last > 0 && all[last].length() < 2*d.TTL {
		all[last-1].until = all[last].until // a stub isn't worth a timeline
		all = all[:last]
	}
	place := func(at time.Duration) *rated {
		return &all[min(int((at-d.Start)/(chapter*d.TTL)), len(all)-1)]
	}
	for _, o := range d.overlaps {
		place(o.From).overlap += o.Until - o.From
	}
	last := d.Start
	for _, o := range d.Operations {
		if o.OK && (o.Op == protocol.Acquire || o.Op == protocol.Extend) {
			r := place(o.Returned)
			r.gap = max(r.gap, o.Returned-last)
			last = o.Returned
		}
	}
	chosen := slices.Clone(all)
	slices.SortStableFunc(chosen, func(a, b rated) int { return cmp.Or(cmp.Compare(b.overlap, a.overlap), cmp.Compare(b.gap, a.gap)) })
	chosen = chosen[:min(len(chosen), mostChapters)]
	slices.SortFunc(chosen, func(a, b rated) int { return cmp.Compare(a.from, b.from) })
	c := chapters{left: len(all) - len(chosen)}
	for _, r := range chosen {
		c.chosen = append(c.chosen, r.window)
	}
	return c
}

// merged is a history in which attempts of a client that were refused one right after the other are one: there are
// thousands, and their number says as much as a bar for each.
func merged(h *history.History) *history.History {
	m := *h
	m.Operations = nil
	last := make(map[string]int) // the place of each client's last operation
	count := make(map[int]int)
	for _, o := range h.Operations {
		refused := o.Op == protocol.Acquire && !o.OK && !o.Open()
		if i, ok := last[o.Client]; ok && refused && count[i] > 0 && o.Invoked-m.Operations[i].Returned < h.TTL/5 {
			before := m.Operations[i]
			o.Invoked, o.Sent = before.Invoked, before.Sent
			count[i]++
			m.Operations[i] = o
			continue
		}
		last[o.Client] = len(m.Operations)
		if refused {
			count[len(m.Operations)] = 1
		}
		m.Operations = append(m.Operations, o)
	}
	for i, n := range count {
		if n > 1 {
			m.Operations[i].Error = fmt.Sprintf("%d times, at last: %s", n, m.Operations[i].Error)
		}
	}
	return &m
}
