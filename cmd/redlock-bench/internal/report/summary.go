package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// The marks of the table, each with what it means. Each is explained only where it occurs.
var legend = [][2]string{
	{"held", "no two clients were seen to believe at once that they held the lock"},
	{"violated", "too few nodes granted the lock"},
	{"stale", "held, but a resource took a write that came after one of a later holder: the lock has no tokens to refuse it by"},
	{"fenced", "held; a write came after one of a later holder, and a resource that checks fencing tokens refused it"},
	{"tokens", "and the fencing tokens failed, too"},
	{"refused", "held, but not granted, or lost, where nothing stood against it"},
	{"unknown", "nobody can tell: the fault wasn't seen to work, or too little happened"},
	{"-", "there was nothing to judge"},
	{"(!)", "not as expected"},
}

// WriteSummary writes all verdicts in one table of scenario by subject, a line for each scenario, in tables of no
// more than width columns (0: as wide as it is), then what the marks mean, a sentence that sums up, and the evidence
// of what is unexpected.
func (r *Report) WriteSummary(w io.Writer, colour bool, width int) error {
	if colour {
		text.EnableColors() // its own guess looks at the environment only
	}
	t := r.grid(colour, summaryCell)
	if guarded := r.spared(); guarded != "" {
		t.addColumn("cost of "+guarded, func(scenario string) string { return r.cost(scenario, guarded) })
	}
	var b strings.Builder
	b.WriteString(t.render(width))
	if len(r.Results) > 0 {
		b.WriteString("\n" + cli.Definitions(width, 0, r.legend()) + "\n")
	}
	b.WriteString(cli.Wrap(r.sum(), width, 0) + "\n")
	r.writeEvidence(&b, width)
	_, err := io.WriteString(w, b.String())
	return err
}

// legend explains the marks that occur.
func (r *Report) legend() [][2]string {
	var cells []string
	longest := 0.0
	for _, result := range r.Results {
		cells = append(cells, summaryCell(result).text)
		if !result.AsExpected {
			cells = append(cells, "(!)")
		}
		longest = max(longest, result.OverlapMS)
	}
	all := strings.FieldsFunc(strings.Join(cells, " "), func(c rune) bool { return c == ' ' || c == ',' })
	var used [][2]string
	if longest > 0 {
		used = append(used, [2]string{spoken.FromMilliseconds(longest), "two clients believed at once, for so long, that they held the lock"})
	}
	for _, l := range legend {
		if slices.Contains(all, l[0]) {
			used = append(used, l)
		}
	}
	if slices.Contains(Subjects(r.Results), subject.Ours) {
		ours := "this library's lock"
		if r.spared() == subject.Ours {
			ours += "; its cost: how often it refused, and for how long the lock was wanted while nobody held it"
		}
		used = append(used, [2]string{subject.Ours, ours})
	}
	return used
}

// summaryCell is everything that is to be said about one experiment, the worst of it first.
func summaryCell(r Result) cell {
	c := exclusionCell(r)
	if r.Exclusion == check.Held {
		c = heldCell(r)
	}
	if r.Fencing == check.Violated {
		c.text += ", tokens"
		c.colour = text.FgRed
	}
	return c
}

// heldCell never looks like more than it is: a lock that held may still have refused without a reason, or not have
// kept a late write off.
func heldCell(r Result) cell {
	var marks []string
	colour := text.FgGreen
	if r.StaleWritesAccepted > 0 && r.Fencing == check.Held {
		marks = append(marks, "fenced")
	} else if r.StaleWritesAccepted > 0 {
		marks, colour = append(marks, "stale"), text.FgYellow
	}
	switch r.Availability {
	case check.Violated:
		marks, colour = append(marks, "refused"), text.FgYellow
	case check.Unknown:
		marks, colour = append(marks, "unknown"), text.FgYellow
	}
	if marks == nil {
		marks = []string{"held"}
	}
	return cell{strings.Join(marks, ", "), colour}
}

// spared is the subject that held wherever a guard was put to the test, if it's the only one
// and there was something to cost it.
func (r *Report) spared() string {
	held := make(map[string]bool)
	for _, result := range r.Results {
		if result.Guard != "" {
			before, seen := held[result.Subject]
			held[result.Subject] = result.Exclusion == check.Held && (before || !seen)
		}
	}
	var all []string
	for name, ok := range held {
		if ok {
			all = append(all, name)
		}
	}
	if len(all) != 1 {
		return ""
	}
	return all[0]
}

// cost is what it took the subject to hold, where one of its guards was put to the test.
func (r *Report) cost(scenario, subject string) string {
	i := slices.IndexFunc(r.Results, func(result Result) bool {
		return result.Scenario == scenario && result.Subject == subject && result.Guard != ""
	})
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%d refused, %s", r.Results[i].Refused, spoken.FromMilliseconds(r.Results[i].UnavailableMS))
}

// sum says how the run ended: what was found, and whether that's what was expected. What's unknown is counted on
// its own: it's nothing that was found.
func (r *Report) sum() string {
	var expected, unexpected, unknown int
	for _, result := range r.Results {
		switch {
		case result.unknown():
			unknown++
		case result.AsExpected:
			expected++
		default:
			unexpected++
		}
	}
	s := fmt.Sprintf("%s on %d %s nodes with seed %d: %d as expected, %d not, %d unknown.",
		spoken.Count(len(r.Results), "experiment"), r.Nodes, r.Backend, r.Seed, expected, unexpected, unknown)
	var found []string
	for _, name := range Subjects(r.Results) {
		violated, of := 0, 0
		for _, result := range r.Results {
			if result.Subject == name {
				of++
				if result.Exclusion == check.Violated {
					violated++
				}
			}
		}
		found = append(found, fmt.Sprintf("%s in %d of %d", name, violated, of))
	}
	if found != nil {
		s += " Two clients held the lock at once: " + strings.Join(found, ", ") + "."
	}
	return s + r.open()
}

// unknown tells whether one of the verdicts is.
func (r Result) unknown() bool {
	return r.Exclusion == check.Unknown || r.Fencing == check.Unknown || r.Availability == check.Unknown
}

// open says where there was nothing to judge, as expected.
func (r *Report) open() string {
	var scenarios []string
	under := make(map[string][]string) // by scenario
	for _, result := range r.Results {
		if result.AsExpected && result.Exclusion == check.None {
			scenarios = appendNew(scenarios, result.Scenario)
			under[result.Scenario] = append(under[result.Scenario], result.Subject)
		}
	}
	var subjects []string
	alike := make(map[string][]string) // scenarios, by the subjects that can't be judged
	for _, name := range scenarios {
		under := strings.Join(under[name], ", ")
		subjects = appendNew(subjects, under)
		alike[under] = append(alike[under], name)
	}
	said := ""
	for _, under := range subjects {
		said += fmt.Sprintf(" %s can't be judged under %s (the JSON says why).", strings.Join(alike[under], " and "), under)
	}
	return said
}

// writeEvidence says how the harness saw what is unexpected. What several experiments have in common is said once.
func (r *Report) writeEvidence(b *strings.Builder, width int) {
	var told []string
	scenarios := make(map[string][]string)
	first := make(map[string]Result)
	for _, result := range r.Unexpected() {
		same := strings.Join(append([]string{result.Subject, result.verdicts()}, result.Evidence...), "\n")
		if scenarios[same] == nil {
			told, first[same] = append(told, same), result
		}
		scenarios[same] = append(scenarios[same], result.Scenario)
	}
	for _, same := range told {
		result := first[same]
		b.WriteString("\n" + cli.Wrap(fmt.Sprintf("%s under %s: %s", strings.Join(scenarios[same], ", "), result.Subject, result.verdicts()), width, 2) + "\n")
		for _, sentence := range result.Evidence {
			b.WriteString("  " + cli.Wrap(sentence, max(0, width-2), 4) + "\n")
		}
	}
}

func (r Result) verdicts() string {
	return fmt.Sprintf("%s, expected %s, fencing %s, availability %s", r.Exclusion, r.Expected, r.Fencing, r.Availability)
}
