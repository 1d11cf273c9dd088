package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
)

// Columns of a finding's text. Where the first leaves less than leastText, the text goes below, into the second.
const (
	besideCheck = 22
	belowCheck  = 4
	leastText   = 40
)

var colours = map[Level]text.Color{OK: text.FgGreen, Note: text.FgCyan, Warning: text.FgYellow, Error: text.FgRed}

// WriteText writes the report for people: a table of the nodes, a line for each finding, what
// is recommended, and a line that sums up. It's wrapped to so many columns; 0 is a width that reads well. Commands that
// are to be copied aren't wrapped.
func (r *Report) WriteText(w io.Writer, width int, colour bool) error {
	if colour {
		text.EnableColors() // its own guess looks at the environment only
	}
	var b strings.Builder
	b.WriteString(r.nodeTable(width) + "\n")
	for _, f := range r.Findings {
		r.writeFinding(&b, f, width, colour)
	}
	if len(r.Recommendations) > 0 {
		b.WriteString("\nRecommended from what was measured:\n")
		for _, o := range r.Recommendations {
			fmt.Fprintf(&b, "  %s\n      %s\n", o.Option, cli.Hang(o.Why, width, 6))
		}
	}
	if len(r.ACL) > 0 {
		r.writeACL(&b, width)
	}
	b.WriteString("\nCan't be seen from here:\n")
	for _, u := range r.Unchecked {
		fmt.Fprintf(&b, "  - %s\n", cli.Hang(u, width, 4))
	}
	b.WriteString("\n" + cli.Wrap(r.summary(), width, 0) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) nodeTable(width int) string {
	header := []string{"", "node", "version", "answers p50 / p90 / p99 / max, ms", "clock ahead, ms", "rate, ppm"}
	var rows [][]string
	for _, n := range r.Nodes {
		row := []string{fmt.Sprint(n.Node), n.URL, n.Version, "-", "-", "-"}
		if a := n.Answers; a != nil {
			row[3] = fmt.Sprintf("%.2f / %.2f / %.2f / %.2f", a.P50MS, a.P90MS, a.P99MS, a.MaxMS)
		}
		if c := n.Clock; c != nil {
			row[4] = fmt.Sprintf("%+.2f .. %+.2f", c.OffsetLowMS, c.OffsetHighMS)
			if c.RateLow != nil && c.RateHigh != nil {
				row[5] = fmt.Sprintf("%+.0f .. %+.0f", 1e6**c.RateLow, 1e6**c.RateHigh)
			}
		}
		rows = append(rows, row)
	}
	return cli.Columns(width, header, rows)
}

func (r *Report) writeFinding(b *strings.Builder, f Finding, width int, colour bool) {
	level := fmt.Sprintf("%-7s", f.Level)
	if colour {
		level = colours[f.Level].Sprint(level)
	}
	found := f.Found
	if len(f.Nodes) < len(r.Nodes) {
		found = nodeList(f.Nodes) + ": " + found
	}
	column, between := besideCheck, ""
	if width != 0 && width-besideCheck < leastText {
		column, between = belowCheck, "\n"+strings.Repeat(" ", belowCheck)
	}
	fmt.Fprintf(b, "%s  %-11s  %s%s\n", level, f.Check, between, cli.Hang(found, width, column))
	if f.Change != "" {
		fmt.Fprintf(b, "%s-> %s\n", strings.Repeat(" ", column), cli.Hang(f.Change, width, column+3))
	}
}

func (r *Report) writeACL(b *strings.Builder, width int) {
	names := "any name"
	if r.Prefix != "" {
		names = fmt.Sprintf("names that begin with %q", r.Prefix)
	}
	fmt.Fprintf(b, "\n%s\n", cli.Wrap(fmt.Sprintf("The rights that locks with %s need, no more and no less (for redis-cli):", names), width, 0))
	for _, rule := range r.ACL {
		if r.Nodes[rule.Nodes[0]-1].Version == "" && strings.Contains(rule.Rule, " &") {
			b.WriteString("  # without the words that begin with &, if it's Redis 6.0\n")
		}
		if len(rule.Nodes) < len(r.Nodes) {
			fmt.Fprintf(b, "  # %s\n", nodeList(rule.Nodes))
		}
		fmt.Fprintf(b, "  %s\n", rule.Rule)
	}
}

func nodeList(nodes []int) string {
	name := "node"
	if len(nodes) > 1 {
		name = "nodes"
	}
	return name + " " + strings.Trim(strings.ReplaceAll(fmt.Sprint(nodes), " ", ", "), "[]")
}

func (r *Report) summary() string {
	verdict := "no reason found why locks on these nodes wouldn't be safe"
	if !r.Fit {
		verdict = "not fit for locking as it is"
	}
	if r.Interrupted {
		verdict += " (interrupted: watched for less than asked)"
	}
	return fmt.Sprintf("%s, %s, %s: %s.", count(r.Count(Error), "error"), count(r.Count(Warning), "warning"), count(r.Count(Note), "note"), verdict)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
