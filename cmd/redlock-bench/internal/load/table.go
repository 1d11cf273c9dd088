package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// WriteText writes the medians of all measurements, and those that can be compared over the baseline's
// with their spread.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Config.describe())
	b.WriteString(r.table(fmt.Sprintf("median of %d", r.Rounds()), r.Subjects, func(s *SubjectReport, m Metric) string {
		spread, measured := s.Summary[m.Key]
		if !measured {
			return ""
		}
		return Number(spread.Median)
	}))
	if len(r.Subjects) > 1 {
		others := slices.DeleteFunc(slices.Clone(r.Subjects), func(s *SubjectReport) bool { return s.Name == r.Baseline })
		b.WriteString("\n" + r.table("over "+r.Baseline+"'s", others, func(s *SubjectReport, m Metric) string {
			spread, compared := s.Ratios[m.Key]
			if !compared {
				return ""
			}
			return fmt.Sprintf("%s (%s..%s)", Number(spread.Median), Number(spread.Min), Number(spread.Max))
		}))
	}
	for _, s := range r.Subjects {
		s.writeErrors(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table lays out what cell says; lines in which it says nothing, or nothing but 0, are left out.
func (r *Report) table(corner string, subjects []*SubjectReport, cell func(*SubjectReport, Metric) string) string {
	header := table.Row{corner}
	for _, s := range subjects {
		header = append(header, s.Name)
	}
	var rows []table.Row
	for _, m := range Metrics {
		row, some := table.Row{m.Title}, false
		for _, s := range subjects {
			c := cell(s, m)
			row, some = append(row, c), some || (c != "" && c != "0")
		}
		if some {
			rows = append(rows, row)
		}
	}
	return report.Plain(header, rows)
}

// writeErrors lists the errors of all rounds by their kind.
func (s *SubjectReport) writeErrors(b *strings.Builder) {
	attempts, releases := make(map[string]int64), make(map[string]int64)
	for _, round := range s.Rounds {
		addAll(attempts, round.Failed)
		addAll(releases, round.ReleaseFailed)
	}
	for _, errors := range []struct {
		what   string
		counts map[string]int64
	}{{"failed attempts", attempts}, {"failed releases", releases}} {
		for _, kind := range slices.Sorted(maps.Keys(errors.counts)) {
			fmt.Fprintf(b, "\n%s, %s: %d × %s", s.Name, errors.what, errors.counts[kind], kind)
		}
		if len(errors.counts) > 0 {
			b.WriteString("\n")
		}
	}
}

// describe says in one line what the load was.
func (c Config) describe() string {
	kind := "closed loop"
	if c.Rate > 0 {
		kind = fmt.Sprintf("open loop of %s/s", Number(c.Rate))
	}
	if c.Try {
		kind += " of single attempts"
	}
	return fmt.Sprintf("%s, %d nodes, %d goroutines in %s on %s, hold %v, rest %v, TTL %v, %d rounds of %v",
		kind, c.Nodes, c.Goroutines, plural(c.Processes, "process", "processes"), plural(c.Names, "name", "names"), c.Hold, c.Rest, c.TTL, c.Rounds, c.Duration)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Number writes a measurement with three digits or more.
func Number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.9995:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
