package chaos

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/results"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// maxFindings bounds what is listed of a run under which a lock failed thousands of times.
const maxFindings = 100

// Report is the JSON form of one plan under several subjects, see package results.
type Report struct {
	results.Header
	Backend string `json:"backend"`
	// Fingerprint names the plan, and Plan is all of it.
	Fingerprint string   `json:"plan_fingerprint"`
	Results     []Result `json:"results"`
	// NotBegun are the subjects whose turn didn't come.
	NotBegun []string `json:"not_begun,omitempty"`
	Plan     Plan     `json:"plan"`
}

// Result is what became of one subject. Held means that no violation was found.
type Result struct {
	Subject      string        `json:"subject"`
	Exclusion    check.Verdict `json:"exclusion"`
	Fencing      check.Verdict `json:"fencing"`
	Linearizable check.Verdict `json:"linearizable"`
	Availability check.Verdict `json:"availability"`
	AsExpected   bool          `json:"as_expected"`
	OverlapMS    float64       `json:"overlap_ms"`
	Measures
	StaleWritesAccepted int                  `json:"stale_writes_accepted"` // by the register without fencing
	StaleWritesRefused  int                  `json:"stale_writes_refused"`  // by the one with it
	LostUpdates         int                  `json:"lost_updates"`          // of the register without fencing
	FaultCounts         []history.FaultCount `json:"faults"`
	// Outside says what happened that isn't in the safety model.
	Outside []string `json:"outside_model,omitempty"`
	// Doubts says why no verdict can be held.
	Doubts []string `json:"doubts,omitempty"`
	// Findings are the first ones, of so many.
	Findings      []string `json:"findings,omitempty"`
	FindingsTotal int      `json:"findings_total"`
	Error         string   `json:"error,omitempty"`
	// Shrunk is the shortest plan that was found to fail, if one was looked for and found.
	Shrunk *Plan `json:"shrunk,omitempty"`
	// History is the record that was judged.
	History *history.History `json:"history,omitempty"`
}

// NewReport makes a report of the outcomes, in their order.
func NewReport(backend string, plan Plan, outcomes []*Outcome) *Report {
	r := &Report{Header: results.Of(results.Chaos), Backend: backend, Fingerprint: plan.Fingerprint(), Plan: plan, Results: []Result{}}
	for _, o := range outcomes {
		findings := append(append([]string(nil), o.Findings...), o.Linearizable.Faults...)
		result := Result{
			Subject: o.Subject.Name, Exclusion: o.Exclusion, Fencing: o.Fencing, Linearizable: o.Linearizable.Verdict, Availability: o.Availability,
			AsExpected: o.AsExpected(), OverlapMS: spoken.Milliseconds(o.Overlap), Measures: o.Measures,
			StaleWritesAccepted: o.StaleAccepted, StaleWritesRefused: o.StaleRefused, LostUpdates: o.Lost,
			FaultCounts: slices.Clone(o.History.Chaos.Faults), Doubts: o.Doubts, Outside: o.Outside,
			Findings: findings[:min(len(findings), maxFindings)], FindingsTotal: len(findings),
			History: o.History,
		}
		if o.Err != nil {
			result.Error = o.Err.Error()
		}
		r.Results = append(r.Results, result)
	}
	return r
}

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error { return writeJSON(w, r) }

// WriteText writes a summary for people, of about 40 lines for two subjects, in tables of no more than width columns
// (0: as wide as they are).
func (r *Report) WriteText(w io.Writer, width int) error {
	header := []string{""}
	for _, result := range r.Results {
		header = append(header, result.Subject)
	}
	var rows [][]string
	for _, row := range slices.Concat(r.Verdicts(), r.Measured(), r.Faults()) {
		rows = append(rows, append([]string{row.Name}, row.Cells...))
	}
	var s strings.Builder
	s.WriteString(cli.Wrap(r.Title(), width, 0) + "\n")
	if reached := r.Reached(); reached != "" {
		s.WriteString(cli.Wrap(reached, width, 0) + "\n")
	}
	s.WriteString("\n" + cli.Columns(width, header, rows) + "\n")
	for _, remark := range r.remarks() {
		s.WriteString(cli.Wrap(remark, width, 2) + "\n")
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// Title says what was done.
func (r *Report) Title() string {
	p, claim := r.Plan, ""
	if p.Claim != "" {
		claim = fmt.Sprintf("claim %s, ", p.Claim)
	}
	return fmt.Sprintf("%sseed %d, plan %s: %s in %v on %s, %s, TTL %v", claim, p.Seed, r.Fingerprint, spoken.Count(len(p.Faults), "fault"),
		p.Duration.Duration(), p.NodesText(r.Backend), spoken.Count(p.Clients, "client"), p.TTL.Duration())
}

// Reached says how far each subject came; empty if all came to the end.
func (r *Report) Reached() string {
	var all []string
	for _, result := range r.Results {
		if c := result.chaos(); !c.Complete() {
			all = append(all, fmt.Sprintf("%s had %s", result.Subject, Reached(c)))
		}
	}
	for _, name := range r.NotBegun {
		all = append(all, name+" wasn't begun")
	}
	if all == nil {
		return ""
	}
	return "Not all of it was done: " + strings.Join(all, "; ") + "."
}

// Reached says how much of a plan was carried out.
func Reached(c history.Chaos) string {
	return fmt.Sprintf("%d of %s, %v of %v", c.Due(), spoken.Count(c.Scheduled, "fault"), c.Lasted.Round(100*time.Millisecond), c.Duration)
}

// chaos is what became of the plan. Results of older versions don't say for how long it lasted.
func (r Result) chaos() history.Chaos {
	if r.History == nil || r.History.Chaos == nil {
		return history.Chaos{}
	}
	return *r.History.Chaos
}

// Row is a line of the summary, with a cell for each result.
type Row struct {
	Name  string
	Cells []string
}

func (r *Report) row(name string, cell func(Result) string) Row {
	row := Row{Name: name}
	for _, result := range r.Results {
		row.Cells = append(row.Cells, cell(result))
	}
	return row
}

// Verdicts are the lines of the summary with the verdicts.
func (r *Report) Verdicts() []Row {
	return []Row{
		r.row("exclusion", func(r Result) string { return verdict(r.Exclusion) }),
		r.row("fencing tokens, fenced writes", func(r Result) string { return verdict(r.Fencing) }),
		r.row("linearizability of these", func(r Result) string { return verdict(r.Linearizable) }),
		r.row("availability", func(r Result) string { return verdict(r.Availability) }),
	}
}

// Measured are the lines of the summary with numbers.
func (r *Report) Measured() []Row {
	rows := []Row{
		r.row("overlaps: number, sum, longest", func(r Result) string {
			return fmt.Sprintf("%d, %s, %s", r.Overlaps, spoken.FromMilliseconds(r.OverlapMS), spoken.FromMilliseconds(r.LongestOverlap))
		}),
		r.row("stale writes: plain took, fenced refused", func(r Result) string {
			return fmt.Sprintf("%d, %d", r.StaleWritesAccepted, r.StaleWritesRefused)
		}),
	}
	for _, op := range []protocol.Op{protocol.Acquire, protocol.Extend, protocol.Write, protocol.Release} {
		rows = append(rows, r.row(string(op)+": ok, refused, unknown", func(r Result) string {
			c := r.Operations[op]
			return fmt.Sprintf("%d, %d, %d", c.OK, c.Refused, c.Unknown)
		}))
	}
	if slices.ContainsFunc(r.Results, func(result Result) bool { return result.Replaced != nil }) {
		rows = append(rows, r.row("nodes replaced, the longest took", func(r Result) string {
			if r.Replaced == nil {
				return "0"
			}
			return fmt.Sprintf("%d of %d, %s", r.Replaced.Complete, r.Replaced.Begun, spoken.FromMilliseconds(r.Replaced.Longest))
		}), r.row("locks: before that, during, after", func(r Result) string {
			if r.Replaced == nil {
				return fmt.Sprintf("%d, 0, 0", r.Operations[protocol.Acquire].OK)
			}
			return fmt.Sprintf("%d, %d, %d", r.Replaced.Before, r.Replaced.During, r.Replaced.After)
		}))
	}
	return append(rows,
		r.row("acquire: p50, p99, max", func(r Result) string {
			return fmt.Sprintf("%s, %s, %s", spoken.FromMilliseconds(r.Acquire.P50), spoken.FromMilliseconds(r.Acquire.P99), spoken.FromMilliseconds(r.Acquire.Max))
		}),
		r.row("available, longest gap", func(r Result) string {
			return fmt.Sprintf("%.1f %%, %s", 100*r.Available, spoken.FromMilliseconds(r.LongestGap))
		}),
		r.row("without a majority: nodes out, just back", func(r Result) string {
			return fmt.Sprintf("%s, %s", spoken.FromMilliseconds(r.Out), spoken.FromMilliseconds(r.New))
		}),
	)
}

// Faults are the lines of the summary with the kinds of faults that were due.
func (r *Report) Faults() []Row {
	var rows []Row
	for _, name := range Kinds() {
		of := func(r Result) (found history.FaultCount) {
			for _, c := range r.FaultCounts {
				if c.Kind == name {
					found = c
				}
			}
			return found
		}
		if slices.ContainsFunc(r.Results, func(result Result) bool { return of(result).Planned > 0 }) {
			rows = append(rows, r.row(name, func(r Result) string { return became(of(r), r.chaos().Complete()) }))
		}
	}
	return rows
}

// became says what happened to the faults of one kind.
func became(c history.FaultCount, complete bool) string {
	switch {
	case c.Planned == 0 && complete:
		return "none was due"
	case c.Planned == 0:
		return "not reached"
	}
	text := fmt.Sprintf("%d of %d proven", c.Proven, c.Planned)
	if c.Proven == 0 && c.Failed > 0 {
		text = fmt.Sprintf("NEVER proven, of %d", c.Planned)
	}
	for _, other := range []struct {
		n    int
		what string
	}{{c.Skipped, "skipped"}, {c.Failed, "failed"}, {c.Excused, "hidden"}} {
		if other.n > 0 {
			text += fmt.Sprintf(", %d %s", other.n, other.what)
		}
	}
	return text
}

// Bargain says in a sentence or two what this module's lock gave, and for what; empty without it, and where it's
// violated, since nothing is worth that.
func (r *Report) Bargain() string {
	i := slices.IndexFunc(r.Results, func(result Result) bool { return result.Subject == subject.Ours })
	if i < 0 || !r.Results[i].wrongs().None() || len(r.Results) < 2 {
		return ""
	}
	ours := r.Results[i]
	var broke, served []string
	kept := "never let two clients hold the lock at once"
	for j, other := range r.Results {
		if j == i {
			continue
		}
		served = append(served, fmt.Sprintf("%s was %s", other.Subject, other.service()))
		if w := other.wrongs(); !w.None() {
			broke = append(broke, other.Subject+" "+w.Sentence(", for up to "+spoken.FromMilliseconds(other.LongestOverlap)))
			if w != (Wrongs{Overlaps: w.Overlaps}) {
				kept = "broke no promise"
			}
		}
	}
	price := fmt.Sprintf("%s was %s; %s.", subject.Ours, ours.service(), strings.Join(served, ", "))
	if broke == nil {
		return "Availability for safety: " + price + " No lock was caught this time, so this run doesn't show what it buys; another --seed, or a longer --duration, may."
	}
	return fmt.Sprintf("Availability for safety: %s For that, %s %s; %s.", price, subject.Ours, kept, strings.Join(broke, ", and "))
}

func (r Result) service() string {
	return fmt.Sprintf("available for %.1f %% of the time, with gaps of up to %s", 100*r.Available, spoken.FromMilliseconds(r.LongestGap))
}

// Gaps says where those of this module's lock come from; empty without it, and where a majority was always there.
func (r *Report) Gaps() string {
	i := slices.IndexFunc(r.Results, func(result Result) bool { return result.Subject == subject.Ours })
	if i < 0 {
		return ""
	}
	ours := r.Results[i]
	var said []string
	another := ""
	if ours.Out > 0 {
		said = append(said, fmt.Sprintf("For %s of %s's run, the faults left no majority of the nodes in service.", spoken.FromMilliseconds(ours.Out), subject.Ours))
		another = "another "
	}
	if ours.New > 0 {
		said = append(said, fmt.Sprintf("For %s%s there was a majority only with nodes that had restarted, or were emptied, less than a TTL before. "+
			"Such a node may have forgotten a lock. So %s waits then; a lock without a restart guard goes on.", another, spoken.FromMilliseconds(ours.New), subject.Ours))
	}
	if said == nil {
		return ""
	}
	return "Where gaps come from: " + strings.Join(said, " ")
}

// remarks are what was bought for what, the first finding of each subject, and what restricts its verdicts.
func (r *Report) remarks() []string {
	var all []string
	for _, remark := range []string{r.Bargain(), r.Gaps(), check.LeastWork()} {
		if remark != "" {
			all = append(all, remark)
		}
	}
	for _, result := range r.Results {
		if result.FindingsTotal > 0 {
			all = append(all, fmt.Sprintf("%s, the first of %s: %s", result.Subject, spoken.Count(result.FindingsTotal, "finding"), result.Findings[0]))
		}
		for _, doubt := range result.Doubts {
			all = append(all, fmt.Sprintf("%s, why nothing counts as held: %s", result.Subject, doubt))
		}
		if len(result.Outside) > 0 {
			all = append(all, fmt.Sprintf("%s: %s outside of the safety model, the first: %s", result.Subject, spoken.Count(len(result.Outside), "fault"), result.Outside[0]))
		}
		if result.Error != "" {
			all = append(all, fmt.Sprintf("%s: the run is incomplete: %s", result.Subject, result.Error))
		}
	}
	return all
}

// verdict is one as a reader should take it: that nothing was found doesn't mean safe.
func verdict(v check.Verdict) string {
	switch v {
	case check.Held:
		return "no violation found"
	case check.Violated:
		return "VIOLATED"
	case check.None:
		return "has no tokens"
	}
	return string(v)
}
