package htmlreport

import (
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// grid is a table of scenario by subject.
type grid struct {
	Question string
	Note     string // explains the cells, where the question doesn't
	Subjects []string
	Rows     []gridRow
	Foot     []string // a total for each subject; none means that there is no such line
}

type gridRow struct {
	Scenario string
	Cells    []*gridCell // nil where there was no experiment
}

// gridCell is the answer of one experiment.
type gridCell struct {
	Anchor string
	answer
	Also       *answer // of a second question
	Unexpected string  // what was expected instead, if so
}

// answer is a verdict, or a number that is one.
type answer struct {
	Class  string // how it looks: held, violated, unknown or none
	Mark   string // says the same without colour
	Word   string
	Detail string
}

// grids asks the questions that the tables on the terminal answer.
func grids(r *report.Report) []grid {
	all := []grid{
		newGrid("Did only one client at a time believe that it held the lock?", r.Results, exclusionCell),
		newGrid("How many stale writes were taken: writes that came after one of a later holder?", r.Results, writesCell),
	}
	all[0].Foot = violations(all[0], r.Results)
	all[1].Note = "Each write goes to two registers. The plain one takes every write. The fenced one refuses a fencing token below the highest that it has seen."
	if demanded := only(r.Results, wasDemanded); len(demanded) > 0 {
		all = append(all, newGrid("Was the lock granted, or kept, where nothing stood against it?", demanded, availabilityCell))
	}
	if guarded := only(r.Results, func(r report.Result) bool { return r.Guard != "" }); len(guarded) > 0 {
		g := newGrid("What did that cost: attempts refused, and for how long was the lock wanted in vain while nobody held it?", guarded, costCell)
		g.Note = "– : a lock that was violated. What it cost doesn’t matter then."
		all = append(all, g)
	}
	return all
}

// wasDemanded tells whether anything was. There's no verdict at all if the experiment never began.
func wasDemanded(r report.Result) bool { return r.Availability != check.None && r.Availability != "" }

// only returns the results that are wanted.
func only(results []report.Result, wanted func(report.Result) bool) []report.Result {
	return slices.DeleteFunc(slices.Clone(results), func(r report.Result) bool { return !wanted(r) })
}

// Ours tells that a column is this module's own lock.
func (g grid) Ours(name string) bool { return name == subject.Ours }

// newGrid lays out the results, in the order in which scenarios and subjects first come up.
func newGrid(question string, results []report.Result, show func(report.Result) gridCell) grid {
	g := grid{Question: question, Subjects: report.Subjects(results)}
	for _, result := range results {
		i := slices.IndexFunc(g.Rows, func(r gridRow) bool { return r.Scenario == result.Scenario })
		if i < 0 {
			i = len(g.Rows)
			g.Rows = append(g.Rows, gridRow{result.Scenario, make([]*gridCell, len(g.Subjects))})
		}
		c := show(result)
		c.Anchor = anchor(result.Scenario, result.Subject)
		g.Rows[i].Cells[slices.Index(g.Subjects, result.Subject)] = &c
	}
	return g
}

// violations counts, for each subject, the experiments in which exclusion was violated.
func violations(g grid, results []report.Result) []string {
	var foot []string
	for _, s := range g.Subjects {
		found, of := 0, 0
		for _, r := range results {
			if r.Subject == s {
				of++
				if r.Exclusion == check.Violated {
					found++
				}
			}
		}
		foot = append(foot, fmt.Sprintf("%d of %d", found, of))
	}
	return foot
}

func exclusionCell(r report.Result) gridCell {
	c := verdictCell(r.Exclusion)
	if r.Exclusion == check.Violated && r.OverlapMS > 0 {
		c.Word = spoken.FromMilliseconds(r.OverlapMS)
	}
	if !r.AsExpected {
		c.Unexpected = expected(r)
	}
	return c
}

// expected says what an experiment that surprised should have shown.
func expected(r report.Result) string {
	if r.Exclusion != r.Expected {
		return fmt.Sprintf("expected %s", r.Expected)
	}
	return "not as expected"
}

// writesCell has a mark for each register, so that the same number looks the same under every lock.
func writesCell(r report.Result) gridCell {
	c := gridCell{answer: answer{Class: "held", Mark: "✓", Word: fmt.Sprintf("%d plain", r.StaleWritesAccepted)}}
	if r.StaleWritesAccepted > 0 {
		c.Class, c.Mark = "violated", "✕"
	}
	fenced := verdictCell(r.Fencing).answer
	switch r.Fencing {
	case check.None, "":
		fenced.Word = "no tokens"
	case check.Held:
		fenced.Word = "0 fenced"
	default:
		fenced.Word = "fencing " + string(r.Fencing)
	}
	c.Also = &fenced
	return c
}

func availabilityCell(r report.Result) gridCell {
	c := verdictCell(r.Availability)
	switch r.Availability {
	case check.Held:
		c.Word = "yes"
	case check.Violated:
		c.Word = "no"
	}
	return c
}

// costCell says nothing of a lock that was violated: what it cost doesn't matter then.
func costCell(r report.Result) gridCell {
	if r.Exclusion != check.Held {
		return gridCell{answer: answer{Mark: "–"}}
	}
	return gridCell{answer: answer{Word: fmt.Sprintf("%d refused,", r.Refused), Detail: spoken.FromMilliseconds(r.UnavailableMS)}}
}

// verdictCell shows a verdict.
func verdictCell(v check.Verdict) gridCell {
	c := gridCell{answer: answer{Class: string(v), Mark: "?", Word: string(v)}}
	switch v {
	case check.Held:
		c.Mark = "✓"
	case check.Violated:
		c.Mark = "✕"
	case check.None:
		c.Mark = "–"
	}
	return c
}
