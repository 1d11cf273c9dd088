package chaos

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// maxFindings bounds what is listed of a run under which a lock failed thousands of times.
const maxFindings = 100

// Report is the JSON form of one plan under several subjects.
type Report struct {
	Backend string `json:"backend"`
	// Fingerprint names the plan, and Plan is all of it.
	Fingerprint string   `json:"plan_fingerprint"`
	Results     []Result `json:"results"`
	Plan        Plan     `json:"plan"`
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
	Faults              []history.FaultCount `json:"faults"`
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
	r := &Report{Backend: backend, Fingerprint: plan.Fingerprint(), Plan: plan, Results: []Result{}}
	for _, o := range outcomes {
		findings := append(append([]string(nil), o.Findings...), o.Linearizable.Faults...)
		result := Result{
			Subject: o.Subject.Name, Exclusion: o.Exclusion, Fencing: o.Fencing, Linearizable: o.Linearizable.Verdict, Availability: o.Availability,
			AsExpected: o.AsExpected(), OverlapMS: spoken.Milliseconds(o.Overlap), Measures: o.Measures,
			StaleWritesAccepted: o.StaleAccepted, StaleWritesRefused: o.StaleRefused, LostUpdates: o.Lost,
			Faults: slices.Clone(o.History.Chaos.Faults), Doubts: o.Doubts, Outside: o.Outside,
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

// WriteText writes a summary for people, of about 30 lines for two subjects.
func (r *Report) WriteText(w io.Writer) error {
	var s strings.Builder
	p := r.Plan
	if p.Claim != "" {
		_, _ = fmt.Fprintf(&s, "claim %s, ", p.Claim)
	}
	_, _ = fmt.Fprintf(&s, "seed %d, plan %s: %d faults in %v on %d %s nodes, %d clients, TTL %v\n",
		p.Seed, r.Fingerprint, len(p.Faults), p.Duration.Duration(), p.Nodes, r.Backend, p.Clients, p.TTL.Duration())
	t := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	line := func(name string, cell func(Result) string) {
		_, _ = fmt.Fprint(t, name)
		for _, result := range r.Results {
			_, _ = fmt.Fprint(t, "\t", cell(result))
		}
		_, _ = fmt.Fprintln(t)
	}
	line("", func(r Result) string { return r.Subject })
	line("exclusion", func(r Result) string { return verdict(r.Exclusion) })
	line("fencing tokens, fenced writes", func(r Result) string { return verdict(r.Fencing) })
	line("linearizability of these", func(r Result) string { return verdict(r.Linearizable) })
	line("availability", func(r Result) string { return verdict(r.Availability) })
	line("overlaps: number, sum, longest", func(r Result) string {
		return fmt.Sprintf("%d, %s, %s", r.Overlaps, spoken.FromMilliseconds(r.OverlapMS), spoken.FromMilliseconds(r.LongestOverlap))
	})
	line("stale writes: plain took, fenced refused", func(r Result) string {
		return fmt.Sprintf("%d, %d", r.StaleWritesAccepted, r.StaleWritesRefused)
	})
	for _, op := range []protocol.Op{protocol.Acquire, protocol.Extend, protocol.Write, protocol.Release} {
		line(string(op)+": ok, refused, unknown", func(r Result) string {
			c := r.Operations[op]
			return fmt.Sprintf("%d, %d, %d", c.OK, c.Refused, c.Unknown)
		})
	}
	line("acquire: p50, p99, max", func(r Result) string {
		return fmt.Sprintf("%s, %s, %s", spoken.FromMilliseconds(r.Acquire.P50), spoken.FromMilliseconds(r.Acquire.P99), spoken.FromMilliseconds(r.Acquire.Max))
	})
	line("available, longest gap", func(r Result) string {
		return fmt.Sprintf("%.1f %%, %s", 100*r.Available, spoken.FromMilliseconds(r.LongestGap))
	})
	r.faultLines(line)
	if err := t.Flush(); err != nil {
		return err
	}
	r.remarks(&s)
	_, err := io.WriteString(w, s.String())
	return err
}

// faultLines has a line for each kind of fault that was planned.
func (r *Report) faultLines(line func(string, func(Result) string)) {
	for _, name := range Kinds() {
		of := func(r Result) (found history.FaultCount) {
			for _, c := range r.Faults {
				if c.Kind == name {
					found = c
				}
			}
			return found
		}
		if !slices.ContainsFunc(r.Results, func(result Result) bool { return of(result).Planned > 0 }) {
			continue
		}
		line(name, func(r Result) string {
			c := of(r)
			text := fmt.Sprintf("%d of %d proven", c.Proven, c.Planned)
			switch {
			case c.Proven == 0:
				text += ", NEVER"
			case c.Skipped+c.Failed+c.Excused > 0:
				text += fmt.Sprintf(", %d skipped, %d failed, %d hidden by others", c.Skipped, c.Failed, c.Excused)
			}
			return text
		})
	}
}

// remarks says the first finding of each subject, and what restricts its verdicts.
func (r *Report) remarks(s *strings.Builder) {
	_, _ = fmt.Fprintln(s, check.LeastWork())
	for _, result := range r.Results {
		if result.FindingsTotal > 0 {
			_, _ = fmt.Fprintf(s, "%s, the first of %d findings: %s\n", result.Subject, result.FindingsTotal, result.Findings[0])
		}
		for _, doubt := range result.Doubts {
			_, _ = fmt.Fprintf(s, "%s, why nothing counts as held: %s\n", result.Subject, doubt)
		}
		if len(result.Outside) > 0 {
			_, _ = fmt.Fprintf(s, "%s: %d faults were outside of the safety model, the first: %s\n", result.Subject, len(result.Outside), result.Outside[0])
		}
		if result.Error != "" {
			_, _ = fmt.Fprintf(s, "%s: the run is incomplete: %s\n", result.Subject, result.Error)
		}
	}
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
