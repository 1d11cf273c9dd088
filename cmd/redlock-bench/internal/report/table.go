package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// WriteTables writes a table for each kind of verdict, of scenario by subject, no wider than width (0: as wide as it
// is).
func (r *Report) WriteTables(w io.Writer, colour bool, width int) error {
	if colour {
		text.EnableColors() // its own guess looks at the environment only
	}
	var b strings.Builder
	write := func(question string, some *Report, show func(Result) cell) {
		if len(some.Results) > 0 {
			fmt.Fprintf(&b, "%s\n\n%s\n", cli.Wrap(question, width, 0), some.grid(colour, show).render(width))
		}
	}
	write("Did only one client at a time believe that it held the lock? (784 ms: no, two did for so long; !: not as expected)", r, exclusionCell)
	write("Was the lock granted, or kept, where nothing stood against it?",
		r.only(func(result Result) bool { return result.Availability != check.None }), availabilityCell)
	write("Writes that came after those of a later holder: taken without fencing / with it (-: no tokens)", r, writesCell)
	write("What holding cost: attempts refused / for how long the lock was wanted in vain while nobody held it (-: didn't hold)",
		r.only(func(result Result) bool { return result.Guard != "" }), costCell)
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is what stands in a table, and in which colour.
type cell struct {
	text   string
	colour text.Color
}

// grid is a table in the making: a row for each scenario, a column for each subject.
type grid struct {
	header    []string
	scenarios []string
	rows      map[string][]string
}

// grid lays out the results, in the order in which scenarios and subjects first come up.
func (r *Report) grid(colour bool, show func(Result) cell) *grid {
	g := &grid{header: []string{"scenario"}, rows: make(map[string][]string)}
	cells := make(map[[2]string]string)
	for _, result := range r.Results {
		g.scenarios = appendNew(g.scenarios, result.Scenario)
		c := show(result)
		if !result.AsExpected {
			c.text += " (!)"
		}
		if colour {
			c.text = c.colour.Sprint(c.text)
		}
		cells[[2]string{result.Scenario, result.Subject}] = c.text
	}
	for _, name := range g.scenarios {
		g.rows[name] = []string{name}
	}
	for _, s := range Subjects(r.Results) {
		g.addColumn(s, func(scenario string) string { return cells[[2]string{scenario, s}] })
	}
	return g
}

func (g *grid) addColumn(header string, cell func(scenario string) string) {
	g.header = append(g.header, header)
	for _, name := range g.scenarios {
		g.rows[name] = append(g.rows[name], cell(name))
	}
}

// Plain renders rows below a header, without borders and without blanks at line ends. All columns but the
// first are aligned to the right.
func Plain(header table.Row, rows []table.Row) string { return trimmed(numbers(header, rows).Render()) }

// Markdown renders the same for a document.
func Markdown(header table.Row, rows []table.Row) string {
	return numbers(header, rows).RenderMarkdown() + "\n"
}

func numbers(header table.Row, rows []table.Row) table.Writer {
	t := table.NewWriter()
	t.SetStyle(plain(table.StyleLight))
	t.AppendHeader(header)
	t.AppendRows(rows)
	var columns []table.ColumnConfig
	for i := range header[1:] {
		columns = append(columns, table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	return t
}

// plain is the style of a table that has nothing but a line below its header.
func plain(style table.Style) table.Style {
	style.Format.Header = text.FormatDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = true
	return style
}

// trimmed takes the blanks at the ends of lines away.
func trimmed(rendered string) string {
	var b strings.Builder
	for line := range strings.Lines(rendered) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func (g *grid) render(width int) string {
	var rows [][]string
	for _, name := range g.scenarios {
		rows = append(rows, g.rows[name])
	}
	return cli.Columns(width, g.header, rows)
}

func appendNew(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// only is the report of the results that are wanted.
func (r *Report) only(wanted func(Result) bool) *Report {
	var some Report
	for _, result := range r.Results {
		if wanted(result) {
			some.Results = append(some.Results, result)
		}
	}
	return &some
}

func availabilityCell(r Result) cell {
	switch r.Availability {
	case check.Held:
		return cell{"yes", text.FgGreen}
	case check.Violated:
		return cell{"no", text.FgRed}
	default:
		return cell{string(r.Availability), text.FgYellow}
	}
}

func exclusionCell(r Result) cell {
	switch r.Exclusion {
	case check.Held:
		return cell{"held", text.FgGreen}
	case check.Violated:
		if r.OverlapMS == 0 {
			return cell{"violated", text.FgRed} // it was granted by too few nodes
		}
		return cell{spoken.FromMilliseconds(r.OverlapMS), text.FgRed}
	case check.None:
		return cell{"-", text.FgYellow}
	default:
		return cell{string(r.Exclusion), text.FgYellow}
	}
}

// costCell says nothing of a lock that was violated: what it cost doesn't matter then.
func costCell(r Result) cell {
	if r.Exclusion != check.Held {
		return cell{"-", text.FgYellow}
	}
	return cell{fmt.Sprintf("%d / %s", r.Refused, spoken.FromMilliseconds(r.UnavailableMS)), text.FgGreen}
}

func writesCell(r Result) cell {
	c := cell{fmt.Sprintf("%d", r.StaleWritesAccepted), text.FgGreen}
	if r.StaleWritesAccepted > 0 {
		c.colour = text.FgRed
	}
	switch r.Fencing {
	case check.None:
		c.text += " / -"
	case check.Held:
		c.text += " / 0"
		c.colour = text.FgGreen
	default:
		c.text += " / " + string(r.Fencing)
		c.colour = text.FgRed
	}
	return c
}
