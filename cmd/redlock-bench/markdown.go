package main

import (
	"fmt"
	"io"
	"strings"
)

// writeMarkdown writes the scenarios as the chapter that docs/experiments.md contains. A test
// holds the page against it.
func (c catalogue) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| scenario | shows |\n|---|---|\n")
	for _, s := range c.Scenarios {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", s.Name, s.Name, s.About)
	}
	for _, s := range c.Scenarios {
		fmt.Fprintf(&b, "\n### %s\n\n%s.\n\n", s.Name, capitalised(s.About))
		for i, step := range s.Steps {
			fmt.Fprintf(&b, "%d. %s\n", i+1, step)
		}
		fmt.Fprintf(&b, "\nSource: %s\n\n", s.Source)
		fmt.Fprintf(&b, "```sh\nredlock-bench run %s\n```\n\n", s.Name)
		c.writeVerdicts(&b, s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeVerdicts writes what `run` holds every verdict against.
func (c catalogue) writeVerdicts(b *strings.Builder, s scenarioEntry) {
	var names, rule, verdicts []string
	for _, sub := range c.Subjects {
		names = append(names, sub.Name)
		rule = append(rule, "---")
		verdicts = append(verdicts, s.Expected[sub.Name])
	}
	fmt.Fprintf(b, "| | %s |\n|---|%s|\n| exclusion | %s |\n", strings.Join(names, " | "), strings.Join(rule, "|"), strings.Join(verdicts, " | "))
	if s.Stale {
		fmt.Fprintf(b, "\nA resource without fencing takes a stale write under every subject; one that checks tokens takes none.\n")
	}
}

func capitalised(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
