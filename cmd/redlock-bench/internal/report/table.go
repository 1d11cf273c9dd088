package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
)

// WriteTables writes the verdicts as tables of scenario by subject, then the evidence of those
// that are unknown or unexpected, and a line that sums up.
func (r *Report) WriteTables(w io.Writer, colour bool) error {
	if colour {
		text.EnableColors() // its own guess looks at the environment only
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Did only one client at a time believe that it held the lock? (!: not as expected)\n%s\n", r.grid(colour, exclusionCell))
	if demanding := r.only(func(result Result) bool { return result.Availability != check.None }); len(demanding.Results) > 0 {
		fmt.Fprintf(&b, "\nWas the lock granted, or kept, where nothing stood against it?\n%s\n", demanding.grid(colour, availabilityCell))
	}
	fmt.Fprintf(&b, "\nWrites that came after those of a later holder: taken without fencing / with it (-: no tokens)\n%s\n", r.grid(colour, writesCell))
	if guarding := r.only(func(result Result) bool { return result.Guard != "" }); len(guarding.Results) > 0 {
		fmt.Fprintf(&b, "\nWhat holding cost: attempts refused / for how long the lock was wanted in vain while nobody held it (-: didn't hold)\n%s\n", guarding.grid(colour, costCell))
	}
	for _, result := range r.Results {
		if !result.AsExpected || result.Exclusion == check.Unknown {
			fmt.Fprintf(&b, "\n%s under %s: %s, expected %s, fencing %s, availability %s\n", result.Scenario, result.Subject,
				result.Exclusion, result.Expected, result.Fencing, result.Availability)
			for _, sentence := range result.Evidence {
				fmt.Fprintf(&b, "  %s\n", sentence)
			}
		}
	}
	unexpected := len(r.Unexpected())
	fmt.Fprintf(&b, "\n%d experiments on %d %s nodes with seed %d: %d as expected, %d not. \"held\" means that no violation was found.\n",
		len(r.Results), r.Nodes, r.Backend, r.Seed, len(r.Results)-unexpected, unexpected)
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is what stands in a table, and in which colour.
type cell struct {
	text   string
	colour text.Color
}

// grid lays out the results, in the order in which scenarios and subjects first come up.
func (r *Report) grid(colour bool, show func(Result) cell) string {
	var scenarios, subjects []string
	cells := make(map[[2]string]string)
	for _, result := range r.Results {
		scenarios = appendNew(scenarios, result.Scenario)
		subjects = appendNew(subjects, result.Subject)
		c := show(result)
		if !result.AsExpected {
			c.text += " (!)"
		}
		if colour {
			c.text = c.colour.Sprint(c.text)
		}
		cells[[2]string{result.Scenario, result.Subject}] = c.text
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	header := table.Row{"scenario"}
	for _, s := range subjects {
		header = append(header, s)
	}
	t.AppendHeader(header)
	for _, name := range scenarios {
		row := table.Row{name}
		for _, s := range subjects {
			row = append(row, cells[[2]string{name, s}])
		}
		t.AppendRow(row)
	}
	return t.Render()
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
		return cell{fmt.Sprintf("violated, %.0f ms", r.OverlapMS), text.FgRed}
	default:
		return cell{string(r.Exclusion), text.FgYellow}
	}
}

// costCell says nothing of a lock that was violated: what it cost doesn't matter then.
func costCell(r Result) cell {
	if r.Exclusion != check.Held {
		return cell{"-", text.FgYellow}
	}
	return cell{fmt.Sprintf("%d / %.0f ms", r.Refused, r.UnavailableMS), text.FgGreen}
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
