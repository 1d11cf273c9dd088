package main

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

func newListCommand() *cobra.Command {
	var asJSON, asMarkdown bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios, the lock algorithms and the random faults, each in one line",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(newCatalogue())
			}
			if asMarkdown {
				return newCatalogue().writeMarkdown(cmd.OutOrStdout())
			}
			return newCatalogue().write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the steps and the source of each scenario")
	cmd.Flags().BoolVar(&asMarkdown, "markdown", false, "print the chapter of docs/experiments.md")
	cmd.MarkFlagsMutuallyExclusive("json", "markdown")
	return cmd
}

// catalogue is what list prints.
type catalogue struct {
	Scenarios []scenarioEntry `json:"scenarios"`
	Subjects  []subjectEntry  `json:"subjects"`
	Peers     []subjectEntry  `json:"peers"` // need --peers
	// Faults are those that chaos draws.
	Faults []faultEntry `json:"faults"`
	// Hidden are judged only where --subject names them.
	Hidden []subjectEntry `json:"hidden"`
}

type scenarioEntry struct {
	Name     string   `json:"name"`
	About    string   `json:"about"`
	Source   string   `json:"source"`
	Steps    []string `json:"steps"`
	MinNodes int      `json:"min_nodes"`
	// Backend is the only one whose nodes can have the fault; "" is all.
	Backend  string            `json:"backend,omitempty"`
	Expected map[string]string `json:"expected"` // exclusion, by subject
	// Available is the verdict on whether the lock is granted, or kept, where nothing stands
	// against it, by subject; "none" where the scenario doesn't ask.
	Available map[string]string `json:"available"`
	Stale     bool              `json:"stale_writes"`
	// Picture is the subject under which the scenario is drawn in docs/experiments.md.
	Picture string `json:"picture"`
}

type faultEntry struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Claim   string `json:"claim"`             // the first that it puts to the test
	Backend string `json:"backend,omitempty"` // as of scenarios
}

type subjectEntry struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Fencing bool   `json:"fencing"`
}

func newCatalogue() catalogue {
	var c catalogue
	for _, s := range scenario.All() {
		e := scenarioEntry{Name: s.Name, About: s.About, Source: s.Source, Steps: s.Steps, MinNodes: s.MinNodes, Backend: string(s.Backend),
			Expected: map[string]string{}, Available: map[string]string{}, Picture: picture(s)}
		for _, sub := range slices.Concat(subject.All(), subject.Peers()) {
			expected := s.Expect(sub)
			e.Expected[sub.Name] = string(expected.Exclusion)
			e.Available[sub.Name] = string(expected.Availability)
			e.Stale = expected.StaleWrites
		}
		c.Scenarios = append(c.Scenarios, e)
	}
	for _, s := range subject.All() {
		c.Subjects = append(c.Subjects, subjectEntry{s.Name, s.About, s.Fencing})
	}
	for _, s := range subject.Peers() {
		c.Peers = append(c.Peers, subjectEntry{s.Name, s.About, s.Fencing})
	}
	for _, t := range nemesis.Types() {
		for _, v := range t.Variants {
			c.Faults = append(c.Faults, faultEntry{v.Name, v.About, string(v.Claim), string(t.Backend)})
		}
	}
	for _, s := range subject.Hidden() {
		c.Hidden = append(c.Hidden, subjectEntry{s.Name, s.About, s.Fencing})
	}
	return c
}

// picture chooses the subject that shows best what a scenario is about: the best of those to
// which it does harm, or else the library's own.
func picture(s scenario.Scenario) string {
	all := subject.All() // the best comes last
	for _, sub := range slices.Backward(all) {
		e := s.Expect(sub)
		if e.Exclusion == check.Violated || e.Availability == check.Violated || e.StaleWrites {
			return sub.Name
		}
	}
	return all[len(all)-1].Name
}

// onlyOn says where something is, unless that's everywhere.
func onlyOn(backend string) string {
	if backend == "" {
		return ""
	}
	return " (--backend " + backend + ")"
}

func (c catalogue) write(w io.Writer) error {
	var b strings.Builder
	width := cli.Width(w)
	if width == 0 {
		width = 1 << 16 // a line for each entry, for programs that look for one
	}
	list := func(title string, entries [][2]string) {
		b.WriteString(title + "\n" + cli.Definitions(width, 2, entries))
	}
	subjects := func(of []subjectEntry) (entries [][2]string) {
		for _, s := range of {
			entries = append(entries, [2]string{s.Name, s.About})
		}
		return entries
	}
	var scenarios [][2]string
	for _, s := range c.Scenarios {
		scenarios = append(scenarios, [2]string{s.Name, s.About + onlyOn(s.Backend)})
	}
	list("Scenarios:", scenarios)
	list("\nSubjects:", subjects(c.Subjects))
	list("\nLibraries of others (run --peers):", subjects(c.Peers))
	var faults [][2]string
	for _, f := range c.Faults {
		faults = append(faults, [2]string{f.Name, f.About + onlyOn(f.Backend)})
	}
	list("\nRandom faults (chaos --faults):", faults)
	list("\nOnly with --subject NAME, to compare or to test the harness:", subjects(c.Hidden))
	_, err := io.WriteString(w, b.String())
	return err
}
