package htmlreport

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// headline says what was found: of the lock that tells most, and of this module's own. Wrong fencing tokens are told of whatever lock they are.
func headline(r *report.Report) string {
	said := aboutOverlaps(r)
	if wrong := wrongTokens(r); wrong != "" {
		said += " " + wrong
	}
	return said
}

// wrongTokens says which locks' fencing tokens were violated, this module's own first; empty if none were.
func wrongTokens(r *report.Report) string {
	var by []string
	for _, s := range report.Subjects(r.Results) {
		found, of := 0, 0
		for _, result := range r.Results {
			if result.Subject == s {
				of++
				if result.Fencing == check.Violated {
					found++
				}
			}
		}
		if found > 0 {
			by = append(by, fmt.Sprintf("by %s in %d of %s", introduced(s), found, spoken.Count(of, "scenario")))
		}
	}
	if by == nil {
		return ""
	}
	return "Wrong fencing tokens were given out " + strings.Join(by, ", and ") + "."
}

// aboutOverlaps is what the headline says of mutual exclusion.
func aboutOverlaps(r *report.Report) string {
	name := ""
	for _, s := range report.Subjects(r.Results) {
		known := func(s string) int { return slices.Index(tellingSubjects, s) + 1 }
		if found, _ := tally(r, s, check.Violated); found > 0 && s != subject.Ours &&
			(name == "" || known(s) > 0 && (known(name) == 0 || known(s) < known(name))) {
			name = s
		}
	}
	ours, of := tally(r, subject.Ours, check.Violated)
	_, theirs := tally(r, name, check.Violated)
	switch {
	case len(r.Results) == 0:
		return "No experiment was performed."
	case name == "" && ours == 0:
		return fmt.Sprintf("No violation of mutual exclusion was found in %s.", spoken.Count(len(r.Results), "experiment"))
	case name == "":
		return broke(r, subject.Ours) + "."
	case of == 0:
		return broke(r, name) + "."
	case ours == 0 && of == 1 && theirs == 1:
		return fmt.Sprintf("Under %s, two clients held the lock at once. Under %s, this library’s lock, they didn’t.", name, subject.Ours)
	case ours == 0:
		return fmt.Sprintf("%s; %s, this library’s lock, in none of %d.", broke(r, name), subject.Ours, of)
	}
	return fmt.Sprintf("%s; %s, this library’s lock, in %d of %d.", broke(r, name), subject.Ours, ours, of)
}

func broke(r *report.Report, subject string) string {
	found, of := tally(r, subject, check.Violated)
	return fmt.Sprintf("%s let two clients hold the lock at once in %d of %s", subject, found, spoken.Count(of, "scenario"))
}

// tally counts a subject's experiments, and those with a verdict.
func tally(r *report.Report, subject string, v check.Verdict) (found, of int) {
	for _, result := range r.Results {
		if result.Subject == subject {
			of++
			if result.Exclusion == v {
				found++
			}
		}
	}
	return found, of
}

// totals counts the verdicts on exclusion.
func totals(r *report.Report) string {
	count := make(map[check.Verdict]int)
	for _, result := range r.Results {
		count[result.Exclusion]++
	}
	said := fmt.Sprintf("A violation of mutual exclusion was found in %d of %s.",
		count[check.Violated], spoken.Count(len(r.Results), "experiment"))
	if n := count[check.Unknown]; n > 0 {
		said += fmt.Sprintf(" %d could not be decided.", n)
	}
	if n := count[check.None]; n > 0 {
		said += fmt.Sprintf(" In %d there was nothing to judge.", n)
	}
	return said
}

// known says where this module's lock is known to be violated, and why; empty if it wasn't, or if that's a surprise.
func known(r Run) string {
	var scenarios, causes []string
	for i, result := range r.Report.Results {
		if result.Subject != subject.Ours || result.Exclusion != check.Violated || !result.AsExpected {
			continue
		}
		scenarios = append(scenarios, result.Scenario)
		if cause := r.Outcomes[i].Spec.Scenario.Cause; cause != "" && !slices.Contains(causes, cause) {
			causes = append(causes, cause)
		}
	}
	if scenarios == nil {
		return ""
	}
	said := fmt.Sprintf("%s is known to be violated in %s", subject.Ours, strings.Join(scenarios, " and "))
	if causes != nil {
		said += ", because " + strings.Join(causes, "; ")
	}
	return said + ". docs/safety.md says which assumption that breaks."
}

// surprises says how many experiments didn't end as expected; empty if all did.
func surprises(r *report.Report) string {
	n := len(r.Unexpected())
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s did not end as expected; the tables mark them.", n, spoken.Count(len(r.Results), "experiment"))
}
