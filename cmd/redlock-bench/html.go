package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/htmlreport"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// watchEvery is how often a run with a page looks who has the lock's key on a node: often enough
// for a picture of locks that live for a second, and no load that could spoil an experiment.
const watchEvery = 10 * time.Millisecond

// watch is how often this run looks at the nodes.
func (f *runFlags) watch() time.Duration {
	if f.html == "" {
		return 0
	}
	return watchEvery
}

// page returns the page of a run of the named scenarios.
func (f *runFlags) page(names []string, began time.Time, r *report.Report, outcomes []*experiment.Outcome) htmlreport.Run {
	return htmlreport.Run{
		Report:   r,
		Outcomes: outcomes,
		Date:     began,
		Versions: versions(cluster.Backend(f.backend)),
		Command:  f.command(names, f.subjects),
		Repeat: func(scenario, subject string) string {
			return f.command([]string{scenario}, []string{subject})
		},
		Watch: f.watch(),
	}
}

// command is the line for a shell that runs the named scenarios under the named subjects again;
// no names mean all.
func (f *runFlags) command(scenarios, subjects []string) string {
	words := append([]string{"redlock-bench", "run"}, scenarios...)
	words = append(words, "--backend", f.backend, "--nodes", fmt.Sprint(f.nodes), "--seed", fmt.Sprint(f.seed))
	if f.parallel != defaultParallel {
		words = append(words, "--parallel", fmt.Sprint(f.parallel))
	}
	if f.timeout != defaultTimeout {
		words = append(words, "--timeout", f.timeout.String())
	}
	if f.peers != "" {
		words = append(words, "--peers", f.peers)
	}
	for _, w := range f.workers {
		name, _, _ := strings.Cut(w, "=")
		if len(subjects) == 0 || slices.Contains(subjects, name) {
			words = append(words, "--worker", w)
		}
	}
	if len(subjects) > 0 {
		words = append(words, "--subject", strings.Join(subjects, ","))
	}
	for i, w := range words {
		words[i] = quoted(w)
	}
	return strings.Join(words, " ")
}

// quoted protects a word from the shell, where that's needed.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:@%+"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// page returns the page of what became of some plans.
func (f *chaosFlags) page(began time.Time, reports []*chaos.Report, outcomes [][]*chaos.Outcome) htmlreport.Chaos {
	return htmlreport.Chaos{
		Reports: reports, Outcomes: outcomes, Date: began, Versions: versions(cluster.Backend(f.backend)), Command: f.command,
	}
}
