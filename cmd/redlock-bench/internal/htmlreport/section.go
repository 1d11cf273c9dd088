package htmlreport

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// scenarioSection shows a scenario with its experiments.
type scenarioSection struct {
	Scenario    scenario.Scenario
	Experiments []experimentSection
}

// About is a sentence.
func (s scenarioSection) About() string { return capitalised(s.Scenario.About) }

// experimentSection shows one experiment.
type experimentSection struct {
	ID       string
	Result   report.Result
	Cell     gridCell // of the table of verdicts
	About    string   // the subject
	Facts    []fact
	Latency  []latency
	Notes    []note
	Findings []string
	Error    string
	Command  string
	Timeline *timeline // nil if the experiment ended before there was anything to show
}

// fact is a line of an experiment's summary.
type fact struct{ Name, Value string }

// note is a line of what the harness saw. Number is that of its mark in the timeline.
type note struct {
	Number int
	At     string
	What   string
	Fault  bool
}

func scenarioSections(r Run) []scenarioSection {
	var sections []scenarioSection
	for i, o := range r.Outcomes {
		last := len(sections) - 1
		if last < 0 || sections[last].Scenario.Name != o.Spec.Scenario.Name {
			sections = append(sections, scenarioSection{Scenario: o.Spec.Scenario})
			last++
		}
		sections[last].Experiments = append(sections[last].Experiments, newExperimentSection(r, r.Report.Results[i], o))
	}
	return sections
}

func newExperimentSection(r Run, result report.Result, o *experiment.Outcome) experimentSection {
	e := experimentSection{
		ID:       anchor(result.Scenario, result.Subject),
		Result:   result,
		Cell:     exclusionCell(result),
		Facts:    facts(result, o),
		Findings: slices.Concat(o.Findings, o.Doubts),
		Command:  r.Repeat(result.Scenario, result.Subject),
	}
	if o.Err != nil {
		e.Error = o.Err.Error()
	}
	if o.History != nil {
		e.Latency = latencies(o.History)
		e.Notes = notes(o.History)
		e.Timeline = newTimeline(o.History)
	}
	return e
}

// facts sums an experiment up.
func facts(r report.Result, o *experiment.Outcome) []fact {
	all := []fact{
		{"mutual exclusion", fmt.Sprintf("%s; expected: %s", r.Exclusion, r.Expected)},
		{"overlap of beliefs", overlap(r.OverlapMS)},
		{"attempts", fmt.Sprintf("%d acquired, %d refused", r.Acquired, r.Refused)},
		{"granted where nothing stood against it", granted(r.Availability)},
		{"wanted in vain", spoken.FromMilliseconds(r.UnavailableMS) + ", in which somebody asked and nobody held the lock"},
		{"ghost keys", fmt.Sprintf("%d: keys that a late request left on a node, long after its client had given up", r.GhostKeys)},
		{"fencing tokens", orElse(r.Fencing, "the lock has none")},
		{"stale writes", fmt.Sprintf("%d taken by the plain register, %d refused by the fenced one", r.StaleWritesAccepted, r.StaleWritesRefused)},
		{"lost updates", fmt.Sprintf("%d: values overwritten by a client that hadn't read them", r.LostUpdates)},
	}
	if o.History != nil && o.History.TTL > 0 {
		all = append(all, fact{"TTL of the locks", o.History.TTL.String()})
	}
	if r.Guard != "" {
		all = append(all, fact{"guard put to the test", r.Guard + ": " + guards[r.Guard]})
	}
	return append(all, fact{"duration, set-up included", o.Elapsed.Round(10 * time.Millisecond).String()})
}

// guards says what each guard of this module's lock is for.
var guards = map[string]string{
	"restart": "a node that may have forgotten a lock doesn't vote until that lock is over",
	"clock":   "the nodes' own clocks don't decide when a lock is over, so that a minority of them may be wrong",
	"suspend": "the time for which a client's machine is suspended counts",
	"ghost":   "a request that arrives too late takes no lock",
}

// granted is the verdict on availability.
func granted(v check.Verdict) string {
	switch v {
	case check.Held:
		return "yes"
	case check.Violated:
		return "no"
	}
	return orElse(v, "not tried here")
}

func overlap(ms float64) string {
	if ms == 0 {
		return "none"
	}
	return spoken.FromMilliseconds(ms)
}

// orElse is a verdict, or why there is none.
func orElse(v check.Verdict, none string) string {
	if v == check.None || v == "" {
		return none
	}
	return string(v)
}

// notes numbers what the harness saw in the order of time.
func notes(h *history.History) []note {
	var all []note
	for i, n := range sortedNotes(h) {
		all = append(all, note{
			Number: i + 1, At: instant(n.At - h.Start),
			What: n.What, Fault: n.Fault,
		})
	}
	return all
}

func sortedNotes(h *history.History) []history.Note {
	sorted := slices.Clone(h.Notes)
	slices.SortStableFunc(sorted, func(a, b history.Note) int { return cmp.Compare(a.At, b.At) })
	return sorted
}
