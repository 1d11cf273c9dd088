package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
)

// writeMarkdown writes the scenarios as the chapter that docs/experiments.md contains. A test
// holds the page against it.
func (c catalogue) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| scenario | shows |\n|---|---|\n")
	for _, s := range c.Scenarios {
		fmt.Fprintf(&b, "| [%s](#%s) | %s%s |\n", s.Name, s.Name, s.About, onlyOn(s.Backend))
	}
	for _, s := range c.Scenarios {
		fmt.Fprintf(&b, "\n### %s\n\n%s.\n\n", s.Name, capitalised(s.About))
		for i, step := range s.Steps {
			fmt.Fprintf(&b, "%d. %s\n", i+1, step)
		}
		fmt.Fprintf(&b, "\nSource: %s\n\n", s.Source)
		fmt.Fprintf(&b, "```sh\nredlock-bench run %s%s\n```\n\n", s.flag(), s.Name)
		c.writeVerdicts(&b, s)
	}
	b.WriteString("\n## Random faults\n\nWhat [chaos](#chaos) draws, each with the first [claim](#claims) that it puts to the test.\n\n")
	b.WriteString(c.faultsTable())
	_, err := io.WriteString(w, b.String())
	return err
}

// flag is what it takes for nodes that can have the scenario's fault.
func (s scenarioEntry) flag() string {
	if s.Backend == "" {
		return ""
	}
	return "--backend " + s.Backend + " "
}

// faultsTable says which faults chaos draws.
func (c catalogue) faultsTable() string {
	var b strings.Builder
	b.WriteString("| fault | what happens | claim |\n|---|---|---|\n")
	for _, f := range c.Faults {
		fmt.Fprintf(&b, "| %s | %s%s | `%s` |\n", f.Name, f.About, onlyOn(f.Backend), f.Claim)
	}
	return b.String()
}

// writeVerdicts writes what `run` holds every verdict against, and the picture.
func (c catalogue) writeVerdicts(b *strings.Builder, s scenarioEntry) {
	var names, rule, exclusion, available, plain, fenced []string
	asked := false
	for _, sub := range slices.Concat(c.Subjects, c.Peers) {
		names = append(names, sub.Name)
		rule = append(rule, "---")
		exclusion = append(exclusion, s.Expected[sub.Name])
		available = append(available, granted[s.Available[sub.Name]])
		asked = asked || s.Available[sub.Name] != string(check.None)
		plain = append(plain, "taken")
		if sub.Fencing {
			fenced = append(fenced, "refused")
		} else {
			fenced = append(fenced, "no tokens")
		}
	}
	row := func(what string, cells []string) { fmt.Fprintf(b, "| %s | %s |\n", what, strings.Join(cells, " | ")) }
	row("", names)
	fmt.Fprintf(b, "|---|%s|\n", strings.Join(rule, "|"))
	row("exclusion", exclusion)
	if asked {
		row("granted, or kept, where nothing stood against it", available)
	}
	if s.Stale {
		row("stale write to a plain resource", plain)
		row("stale write to a fenced resource", fenced)
	}
	fmt.Fprintf(b, "\n![The timeline of %s under %s](img/%s.svg)\n", s.Name, s.Picture, s.Name)
	fmt.Fprintf(b, "\n*%s under %s, on real servers*\n", s.Name, s.Picture)
}

// granted is how availability is told.
var granted = map[string]string{string(check.Held): "yes", string(check.Violated): "no"}

func capitalised(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
