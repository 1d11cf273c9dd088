package loadreport

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// WriteText writes the tables of a series, and what failed.
func WriteText(w io.Writer, s *load.Series) error { return write(w, s, report.Plain) }

// WriteMarkdown does the same for documents.
func WriteMarkdown(w io.Writer, s *load.Series) error { return write(w, s, report.Markdown) }

func write(w io.Writer, s *load.Series, render func(table.Row, []table.Row) string) error {
	var b strings.Builder
	if s.Sweep != "" {
		fmt.Fprintf(&b, "%s\n\n", describeSeries(s))
	}
	for _, g := range grids(s) {
		var rows []table.Row
		for _, r := range g.Rows {
			rows = append(rows, cells(r))
		}
		fmt.Fprintf(&b, "%s\n\n%s\n", g.Caption, render(cells(g.Header), rows))
	}
	for _, f := range failures(s) {
		fmt.Fprintln(&b, f)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cells(texts []string) table.Row {
	var row table.Row
	for _, t := range texts {
		row = append(row, t)
	}
	return row
}

// failures lists the errors of all rounds by their kind.
func failures(s *load.Series) []string {
	var all []string
	for _, run := range s.Runs {
		where := ""
		if s.Sweep != "" {
			where = fmt.Sprintf("%s %d, ", s.Sweep, run.Config.Value(s.Sweep))
		}
		for _, subject := range run.Subjects {
			for _, f := range []struct {
				what   string
				counts map[string]int64
			}{
				{"attempts", subject.Failed()},
				{"releases", subject.ReleaseFailed()},
			} {
				for _, kind := range slices.Sorted(maps.Keys(f.counts)) {
					all = append(all, fmt.Sprintf("%s%s: %d %s failed: %s", where, subject.Name, f.counts[kind], f.what, kind))
				}
			}
		}
	}
	return all
}

// Describe says in one line what a load was.
func Describe(c load.Config) string {
	return strings.Join(describe(c, ""), ", ")
}

// describeSeries says what the loads of a series have in common, and what not.
func describeSeries(s *load.Series) string {
	var values []string
	for _, run := range s.Runs {
		values = append(values, fmt.Sprint(run.Config.Value(s.Sweep)))
	}
	return strings.Join(append(describe(s.Runs[0].Config, s.Sweep), s.Sweep+" "+strings.Join(values, ", ")), ", ")
}

// describe lists what a load was, but for one thing.
func describe(c load.Config, but string) []string {
	kind := "closed loop"
	if c.Rate > 0 {
		kind = "open loop"
	}
	if c.Every > 0 {
		kind = fmt.Sprintf("all at once every %v", c.Every)
	}
	if c.Try {
		kind += " of single attempts"
	}
	all := []string{kind}
	add := func(what, text string) {
		if what != but {
			all = append(all, text)
		}
	}
	if c.Rate > 0 {
		add("rate", fmt.Sprintf("%d/s", c.Rate))
	}
	add("nodes", plural(c.Nodes, "node", "nodes"))
	add("goroutines", plural(c.Goroutines, "goroutine", "goroutines"))
	add("processes", plural(c.Processes, "process", "processes"))
	if but != "goroutines" || c.Names != c.Goroutines {
		add("names", plural(c.Names, "name", "names"))
	}
	return append(all, fmt.Sprintf("hold %v", c.Hold), fmt.Sprintf("rest %v", c.Rest), fmt.Sprintf("TTL %v", c.TTL),
		plural(c.Rounds, "round", "rounds")+fmt.Sprintf(" of %v", c.Duration))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
