package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

const (
	defaultParallel = 4
	defaultTimeout  = time.Minute
)

// runFlags are the flags of run.
type runFlags struct {
	backend  string
	workers  []string
	peers    string
	nodes    int
	subjects []string
	seed     int64
	json     string
	html     string
	junit    string
	tables   bool
	parallel int
	timeout  time.Duration
	strict   strictness
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [SCENARIO...]",
		Short: "Run scenarios against lock algorithms and print the verdicts",
		Long: `Run each scenario against each lock algorithm, and print a table of the verdicts.
Without arguments that's all of them that nodes embedded in this program can have;
with --backend redis it's all there are.

"held" means that no violation was found. A number of milliseconds is for how long
two clients believed at once that they held the lock. "unknown" means that the fault
couldn't be injected or wasn't seen to take effect, or that too little happened.
Every write of a client goes to a resource without fencing and to one with it, so
each experiment is judged with and without.`,
		Example: `  redlock-bench run
  redlock-bench run pause-after-check delayed-write --json -
  redlock-bench run --backend redis --subject classic,guarded
  redlock-bench run --worker mine="./my-worker --fast" --subject mine,guarded`,
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.backend, "backend", string(cluster.Embedded), "`KIND` of the nodes: embedded (nothing to install) or redis (starts redis-server processes)")
	flags.IntVar(&f.nodes, "nodes", 5, "start `N` nodes")
	flags.StringSliceVar(&f.subjects, "subject", nil, "which lock algorithms to judge: `NAME,...`, see \"redlock-bench list\" (default all but those that are only for comparison, those of --worker and --peers included)")
	flags.StringArrayVar(&f.workers, "worker", nil, "judge an external program, too: `NAME=COMMAND`, see docs/worker-protocol.md; may be repeated")
	flags.StringVar(&f.peers, "peers", "", "judge lock libraries of others, too: `FILE` is the program of cmd/redlock-peers")
	flags.Int64Var(&f.seed, "seed", 1, "the seed `N` of everything random")
	flags.StringVar(&f.json, "json", "", "also write the results as JSON to `FILE`; - is standard output, and moves the summary to standard error")
	flags.StringVar(&f.html, "html", "", "also write a page with a timeline of each experiment to `FILE`; it needs no network")
	flags.StringVar(&f.junit, "junit", "", "also write the results to `FILE` as JUnit's XML, which build servers show")
	flags.BoolVar(&f.tables, "tables", false, "also print a table for each kind of verdict: exclusion, availability, writes, costs")
	flags.IntVar(&f.parallel, "parallel", defaultParallel, "run `N` experiments at a time")
	flags.DurationVar(&f.timeout, "timeout", defaultTimeout, "the `TIME` that one experiment may take before its verdict is unknown")
	f.strict.register(flags)
	completeFlag(cmd, "backend", string(cluster.Embedded), string(cluster.Redis))
	completeList(cmd, "subject", names(slices.Concat(subject.All(), subject.Hidden(), subject.Peers())))
	for _, name := range []string{"nodes", "seed", "parallel", "timeout"} {
		completeFlag(cmd, name)
	}
	return cmd
}

// run is the command. It starts nothing until all of its input has been found good.
func run(ctx context.Context, f runFlags, names []string, out, errOut io.Writer) (err error) {
	specs, err := f.specs(names)
	if err != nil {
		return err
	}
	to, err := cli.NewOutput(f.json, out, errOut)
	if err != nil {
		return err
	}
	defer to.Close(&err)
	pageOut, closePage, err := create("--html", f.html)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePage()) }()

	junitOut, closeJUnit, err := create("--junit", f.junit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeJUnit()) }()

	began := time.Now()
	bar := newProgress(errOut, len(specs))
	outcomes, runErr := experiment.Run(ctx, specs, f.parallel, bar.add)
	bar.finish()
	if len(outcomes) == 0 && runErr != nil {
		return runError(ctx, runErr, 0, len(specs))
	}
	r := report.New(f.backend, f.nodes, f.seed, outcomes)
	if f.tables {
		err = r.WriteTables(to.Text, cli.InColour(to.Text), cli.Width(to.Text))
	}
	err = errors.Join(err, r.WriteSummary(to.Text, cli.InColour(to.Text), cli.Width(to.Text)))
	if to.JSON != nil {
		err = errors.Join(err, r.WriteJSON(to.JSON))
	}
	if pageOut != nil {
		err = errors.Join(err, f.page(names, began, r, outcomes).Write(pageOut))
	}
	if junitOut != nil {
		err = errors.Join(err, r.WriteJUnit(junitOut))
	}
	switch {
	case err != nil:
		return &statusError{statusEnvironment, err}
	case runErr != nil:
		return runError(ctx, runErr, len(outcomes), len(specs))
	}
	return runStatus(r)
}

// create creates the file that a flag names. There is none to write to if it names none.
func create(flag, name string) (w io.Writer, done func() error, err error) {
	if name == "" {
		return nil, func() error { return nil }, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", flag, err)
	}
	return file, file.Close, nil
}

// runError explains experiments that were not performed.
func runError(ctx context.Context, err error, done, total int) error {
	if ctx.Err() != nil {
		return &statusError{statusInterrupted, fmt.Errorf("interrupted after %d of %s: %w", done, spoken.Count(total, "experiment"), context.Cause(ctx))}
	}
	return &statusError{statusEnvironment, err}
}

// specs checks the flags and arguments, and lists the experiments that they ask for.
func (f *runFlags) specs(names []string) ([]experiment.Spec, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = scenario.Names(scenario.On(cluster.Backend(f.backend)))
	}
	subjects, err := f.judged()
	if err != nil {
		return nil, err
	}
	program, err := workerProgram()
	if err != nil {
		return nil, err
	}
	var specs []experiment.Spec
	var needMore []string
	for _, name := range unique(names) {
		s, err := scenario.Find(name)
		if err != nil {
			return nil, unknownName("scenario", name, scenario.Names(scenario.All()))
		}
		if !s.Suits(cluster.Backend(f.backend)) {
			return nil, fmt.Errorf("--backend %s: its nodes can't have the fault of %s; give --backend %s", f.backend, s.Name, s.Backend)
		}
		if f.nodes < s.MinNodes {
			needMore = append(needMore, fmt.Sprintf("%s (%d)", s.Name, s.MinNodes))
		}
		for _, sub := range subjects {
			specs = append(specs, experiment.Spec{
				Scenario: s, Subject: sub, Worker: program, Timeout: f.timeout,
				Cluster: cluster.Config{Backend: cluster.Backend(f.backend), Nodes: f.nodes, Seed: f.seed},
				Watch:   f.watch(), Strict: f.strict.with(sub),
			})
		}
	}
	if needMore != nil {
		return nil, fmt.Errorf("--nodes %d is too few for %s; give more nodes, or name other scenarios", f.nodes, strings.Join(needMore, ", "))
	}
	return specs, nil
}

// The limits keep a slip of the finger from bringing the machine down.
const (
	maxNodes    = 64
	maxParallel = 64
)

// check refuses flags that make no sense.
func (f *runFlags) check() error {
	if err := checkBackend(f.backend); err != nil {
		return err
	}
	switch {
	case f.nodes < 1 || f.nodes > maxNodes:
		return fmt.Errorf("--nodes %d: give from 1 to %d, and better an odd number", f.nodes, maxNodes)
	case f.parallel < 1 || f.parallel > maxParallel:
		return fmt.Errorf("--parallel %d: give from 1 to %d", f.parallel, maxParallel)
	case f.html == "-":
		return errors.New("--html -: give the name of a file; a page doesn't go to standard output")
	case f.junit == "-":
		return errors.New("--junit -: give the name of a file; XML doesn't go to standard output")
	case f.timeout <= 0:
		return fmt.Errorf("--timeout %v: give more than 0; an experiment takes from 1s to 30s", f.timeout)
	}
	return cli.CheckFiles(cli.FileFlag{Flag: "--json", File: f.json}, cli.FileFlag{Flag: "--html", File: f.html}, cli.FileFlag{Flag: "--junit", File: f.junit})
}

func checkBackend(name string) error {
	backends := []string{string(cluster.Embedded), string(cluster.Redis)}
	if !slices.Contains(backends, name) {
		return unknownName("backend", name, backends)
	}
	return nil
}

// unique drops repeated names, and keeps the order.
func unique(names []string) []string {
	var all []string
	seen := make(map[string]bool)
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			all = append(all, n)
		}
	}
	return all
}
