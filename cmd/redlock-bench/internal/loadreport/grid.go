package loadreport

import (
	"fmt"
	"slices"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

// grid is a table.
type grid struct {
	Caption string // what it's about
	Header  []string
	Rows    [][]string // the first cell names the row
}

// grids are all tables of a series.
func grids(s *load.Series) []grid {
	if s.Sweep == "" {
		return runGrids(s.Runs[0])
	}
	var all []grid
	for _, m := range load.Metrics {
		if m.Grows {
			all = appendSome(all, growthGrid(s, m))
		}
	}
	return all
}

// runGrids are the medians of a run, and the ratios that make sense.
func runGrids(r *load.Report) []grid {
	all := []grid{newGrid(Describe(r.Config), fmt.Sprintf("median of %d", r.Rounds()), r.Subjects, func(s *load.SubjectReport, m load.Metric) string {
		spread, measured := s.Summary[m.Key]
		if !measured {
			return ""
		}
		return load.Number(spread.Median)
	})}
	return appendSome(all, newGrid("Ratios of the same round: median (range)", "over "+r.Baseline+"’s", r.Others(), ratioCell))
}

func ratioCell(s *load.SubjectReport, m load.Metric) string {
	spread, compared := s.Ratios[m.Key]
	if !compared {
		return ""
	}
	return fmt.Sprintf("%s (%s..%s)", load.Number(spread.Median), load.Number(spread.Min), load.Number(spread.Max))
}

// newGrid lays out what cell says of each metric; rows in which it says nothing, or nothing but 0, are
// left out.
func newGrid(caption, corner string, subjects []*load.SubjectReport, cell func(*load.SubjectReport, load.Metric) string) grid {
	g := grid{Caption: caption, Header: []string{corner}}
	for _, s := range subjects {
		g.Header = append(g.Header, s.Name)
	}
	for _, m := range load.Metrics {
		row := []string{m.Title}
		for _, s := range subjects {
			row = append(row, cell(s, m))
		}
		if slices.ContainsFunc(row[1:], func(c string) bool { return c != "" && c != "0" }) {
			g.Rows = append(g.Rows, row)
		}
	}
	return g
}

// growthGrid shows one metric in all runs of a series, with its ratio in parentheses.
func growthGrid(s *load.Series, m load.Metric) grid {
	g := grid{Caption: m.Title, Header: []string{s.Sweep}}
	for i, run := range s.Runs {
		row := []string{fmt.Sprint(run.Config.Value(s.Sweep))}
		for _, subject := range run.Subjects {
			if i == 0 {
				g.Header = append(g.Header, subject.Name)
			}
			cell := ""
			if spread, measured := subject.Summary[m.Key]; measured {
				cell = load.Number(spread.Median)
			}
			if ratio, compared := subject.Ratios[m.Key]; compared {
				cell += " (" + load.Number(ratio.Median) + ")"
			}
			row = append(row, cell)
		}
		if slices.ContainsFunc(row[1:], func(c string) bool { return c != "" }) {
			g.Rows = append(g.Rows, row)
		}
	}
	if len(s.Runs[0].Subjects) > 1 {
		g.Caption += " (over " + s.Runs[0].Baseline + "’s)"
	}
	return g
}

// appendSome appends a table unless there's nothing in it.
func appendSome(all []grid, g grid) []grid {
	if len(g.Rows) == 0 {
		return all
	}
	return append(all, g)
}
