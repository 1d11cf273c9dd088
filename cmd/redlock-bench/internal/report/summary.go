package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
)

const legend = `held: no two clients were seen to believe at once that they had the lock; 812: they did, for so many ms; (!): unexpected
w: a resource without fencing took a stale write; W: one with it, too; x: refused or lost though nothing stood against it
`

// WriteSummary writes all verdicts in one table of scenario by subject, a line for each scenario,
// then a line that sums up, and the evidence of what is unexpected.
func (r *Report) WriteSummary(w io.Writer, colour bool) error {
	if colour {
		text.EnableColors() // its own guess looks at the environment only
	}
	t := r.grid(colour, summaryCell)
	t.style = plain(t.style)
	if guarded := r.spared(); guarded != "" {
		t.addColumn("cost of "+guarded, func(scenario string) string { return r.cost(scenario, guarded) })
	}
	var b strings.Builder
	b.WriteString(trimmed(t.render()))
	b.WriteString(legend)
	r.writeSum(&b)
	r.writeEvidence(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// summaryCell is everything that is to be said about one experiment.
func summaryCell(r Result) cell {
	c := exclusionCell(r)
	if r.Exclusion == check.Violated && r.OverlapMS > 0 {
		c.text = fmt.Sprintf("%.0f", r.OverlapMS)
	}
	marks := ""
	switch {
	case r.Fencing == check.Violated:
		marks += "W"
	case r.StaleWritesAccepted > 0:
		marks += "w"
	}
	if r.Availability == check.Violated {
		marks += "x"
	}
	if marks != "" {
		c.text += " " + marks
	}
	return c
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
	return fmt.Sprintf("%d refused, %.0f ms", r.Results[i].Refused, r.Results[i].UnavailableMS)
}

func (r *Report) writeSum(b *strings.Builder) {
	unexpected := len(r.Unexpected())
	fmt.Fprintf(b, "%d experiments on %d %s nodes with seed %d: %d as expected, %d not", len(r.Results), r.Nodes, r.Backend, r.Seed, len(r.Results)-unexpected, unexpected)
	r.writeOpen(b)
	b.WriteString(".\n")
}

// writeOpen says where there was nothing to judge, as expected.
func (r *Report) writeOpen(b *strings.Builder) {
	var scenarios []string
	under := make(map[string][]string)
	for _, result := range r.Results {
		if result.AsExpected && result.Exclusion == check.None {
			scenarios = appendNew(scenarios, result.Scenario)
			under[result.Scenario] = append(under[result.Scenario], result.Subject)
		}
	}
	for _, name := range scenarios {
		fmt.Fprintf(b, "; %s can't be judged under %s (the JSON says why)", name, strings.Join(under[name], ", "))
	}
}

// writeEvidence says how the harness saw what is unexpected.
func (r *Report) writeEvidence(b *strings.Builder) {
	for _, result := range r.Unexpected() {
		fmt.Fprintf(b, "\n%s under %s: %s, expected %s, fencing %s, availability %s\n", result.Scenario, result.Subject,
			result.Exclusion, result.Expected, result.Fencing, result.Availability)
		for _, sentence := range result.Evidence {
			fmt.Fprintf(b, "  %s\n", sentence)
		}
	}
}
