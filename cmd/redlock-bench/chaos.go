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
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// chaosFlags are the flags of chaos.
type chaosFlags struct {
	subjects      runFlags // of which only those that choose subjects are used
	backend       string
	plan          chaos.Plan
	ttl, duration time.Duration
	every         time.Duration
	weights       map[string]int
	claims        []string
	planFile      string
	planOnly      bool
	lastMoments   float64
	longHolds     float64
	json          string
	html          string
	command       string // repeats it
	shrink        shrinkFlags
}

func newChaosCommand() *cobra.Command {
	var f chaosFlags
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Let random faults loose on lock algorithms, and judge what the clients believed",
		Long: `Several processes take, extend and give back one lock, and write under it to a
resource, while a random schedule of faults hits the nodes, the network and the
processes. The same seed gives the same schedule, but real processes never do
the same twice.

The schedule keeps to what a lock with guards claims to survive: pauses, crashes
and partitions of anybody, but lost memories and bent clocks of no more than a
minority of the nodes within any TTL and a half. Where it replaces nodes, there's
a spare one, and clients are started anew with another list, one after the other;
those whose lock can (guarded) count both lists meanwhile. Its kinds of faults,
which "redlock-bench list" explains, are
` + wrapped(chaos.Kinds(), 80) + `.
Only real servers have
` + wrapped(realOnly(), 80) + `.

Faults that are drawn one by one seldom meet in the way that breaks a lock. So,
unless --faults or --claims says otherwise, once in every ` + fmt.Sprint(chaos.CompoundEvery) + ` TTLs, at a random
moment, three faults are drawn together: one client is paused while the others are
cut off from a minority of the nodes; when it's back, another node is emptied.

What a lock claims to survive is put to the test one by one with --claims: pauses
(and partitions), restarts (that keep the memory), drift, lost-memory, clocks,
voters (that are replaced); each is a schedule with the faults of those before it,
too. A lock on a quorum without guards can keep the first three.

A lock with fencing tokens is expected to hold. A lock without may be violated. A
verdict is unknown if faults weren't seen to work, or if too little happened; that's
never as expected. "No violation found" is no proof. Exit status: 0 if all is as
expected, 1 if not.`,
		Example: `  redlock-bench chaos --duration 10m --seed 7
  redlock-bench chaos --claims pauses,restarts --worker mine=./my-worker --subject mine
  redlock-bench chaos --faults partition=3,crash-lose=1,clock-forward=1 --subject classic
  redlock-bench chaos --faults replace-voter=1,pause-node=2 --backend redis --duration 5m
  redlock-bench chaos --seed 7 --plan-only > plan.json
  redlock-bench chaos --plan plan.json --subject classic --shrink 5m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.command = repeating(cmd)
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(cmd)
	return cmd
}

// realOnly lists the faults that embedded nodes can't have.
func realOnly() []string {
	embedded := chaos.KindsOn(cluster.Embedded)
	return slices.DeleteFunc(chaos.Kinds(), func(kind string) bool { return slices.Contains(embedded, kind) })
}

// wrapped lists names in lines of at most this width.
func wrapped(names []string, width int) string {
	var b strings.Builder
	line := 0
	for i, name := range names {
		if i < len(names)-1 {
			name += ","
		}
		switch {
		case line == 0:
		case line+1+len(name) > width:
			b.WriteByte('\n')
			line = 0
		default:
			b.WriteByte(' ')
			line++
		}
		b.WriteString(name)
		line += len(name)
	}
	return b.String()
}

func (f *chaosFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.backend, "backend", string(cluster.Embedded), "`KIND` of the nodes: embedded (nothing to install) or redis (starts redis-server processes)")
	flags.Int64Var(&f.plan.Seed, "seed", 1, "the seed `N` of the schedule and of what clients do")
	flags.IntVar(&f.plan.Nodes, "nodes", 5, "start `N` nodes")
	flags.IntVar(&f.plan.Clients, "clients", 4, "start `N` clients, each a process")
	flags.DurationVar(&f.ttl, "ttl", time.Second, "the TTL of the lock is this `TIME`; most faults last about as long")
	flags.DurationVar(&f.duration, "duration", time.Minute, "go on for this `TIME` under each subject")
	flags.DurationVar(&f.every, "every", 0, fmt.Sprintf("let a fault begin every `TIME` on average (default %v TTLs)", chaos.Pace))
	flags.StringToIntVar(&f.weights, "faults", nil, "the share of each kind of fault, others don't occur: `KIND=WEIGHT,...` (default all, those more often by which nodes forget)")
	flags.Lookup("faults").DefValue = "" // or the help would show an empty list
	flags.StringSliceVar(&f.claims, "claims", nil, "a schedule for each of these claims, one after the other: `NAME,...` of "+strings.Join(chaos.ClaimNames(), ", "))
	flags.StringVar(&f.planFile, "plan", "", "carry out the schedule in `FILE`, as --plan-only prints it")
	flags.BoolVar(&f.planOnly, "plan-only", false, "print the schedule as JSON and do nothing")
	flags.Float64Var(&f.lastMoments, "last-moments", chaos.LastMoments, "the `SHARE` of the locks that are held until their time is over, while another client tries to get them")
	flags.Float64Var(&f.longHolds, "long-holds", chaos.LongHolds, "the `SHARE` of the locks that are held for long, up to three TTLs, and extended; the others are given back soon")
	flags.StringVar(&f.json, "json", "", "also write the results and the schedule as JSON to `FILE`; - is standard output, and moves the summary to standard error")
	flags.StringVar(&f.html, "html", "", "also write a page with timelines to `FILE`; it needs no network")
	flags.StringSliceVar(&f.subjects.subjects, "subject", []string{"guarded", "classic"}, "which lock algorithms to judge, one after the other: `NAME,...`, see \"redlock-bench list\"")
	flags.StringArrayVar(&f.subjects.workers, "worker", nil, "an external program that --subject may name: `NAME=COMMAND`, see docs/worker-protocol.md; may be repeated")
	flags.StringVar(&f.subjects.peers, "peers", "", "lock libraries of others that --subject may name: `FILE` is the program of cmd/redlock-peers")
	f.subjects.strict.register(flags)
	f.shrink.register(flags)
	for _, fixed := range []string{"seed", "nodes", "clients", "ttl", "duration", "faults", "every"} {
		cmd.MarkFlagsMutuallyExclusive("plan", fixed)
	}
	for _, other := range []string{"faults", "plan", "plan-only"} {
		cmd.MarkFlagsMutuallyExclusive("claims", other)
	}
	completeFlag(cmd, "backend", string(cluster.Embedded), string(cluster.Redis))
	completeList(cmd, "subject", names(slices.Concat(subject.All(), subject.Hidden(), subject.Peers())))
	completeList(cmd, "claims", chaos.ClaimNames())
	completeList(cmd, "faults", chaos.Kinds())
	for _, name := range []string{"seed", "nodes", "clients", "ttl", "duration", "every", "last-moments", "long-holds", "shrink", "shrink-need", "shrink-tries"} {
		completeFlag(cmd, name)
	}
}

// run is the command. It starts nothing until all of its input has been found good.
func (f *chaosFlags) run(ctx context.Context, out, errOut io.Writer) (err error) {
	plans, err := f.schedules()
	if err != nil {
		return err
	}
	if f.planOnly {
		return plans[0].WriteJSON(out)
	}
	var runs [][]chaos.Run
	for _, plan := range plans {
		of, err := f.runs(plan)
		if err != nil {
			return err
		}
		runs = append(runs, of)
	}
	to, err := cli.NewOutput(f.json, out, errOut)
	if err != nil {
		return err
	}
	defer to.Close(&err)
	page, closePage, err := create("--html", f.html)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePage()) }()

	began := time.Now()
	var reports []*chaos.Report
	var all [][]*chaos.Outcome
	var runErr error
	for i, plan := range plans {
		var outcomes []*chaos.Outcome
		outcomes, runErr = performAll(ctx, runs[i], errOut)
		if len(outcomes) > 0 {
			report, err := f.report(ctx, plan, runs[i], outcomes, to.Text, errOut)
			if err != nil {
				return &statusError{statusEnvironment, err}
			}
			reports, all = append(reports, report), append(all, outcomes)
		}
		if runErr != nil {
			break
		}
	}
	if len(reports) == 0 {
		return runErr
	}
	if err := f.sum(reports, to); err != nil {
		return &statusError{statusEnvironment, err}
	}
	if page != nil {
		if err := f.page(began, reports, all).Write(page); err != nil {
			return &statusError{statusEnvironment, err}
		}
	}
	if runErr != nil {
		return runErr
	}
	return chaosStatus(slices.Concat(all...))
}

// report writes what became of one plan, and looks for shorter ones.
func (f *chaosFlags) report(ctx context.Context, plan chaos.Plan, runs []chaos.Run, outcomes []*chaos.Outcome, text, errOut io.Writer) (*chaos.Report, error) {
	report := chaos.NewReport(f.backend, plan, outcomes)
	for _, r := range runs[len(outcomes):] {
		report.NotBegun = append(report.NotBegun, r.Subject.Name)
	}
	if err := report.WriteText(text, cli.Width(text)); err != nil {
		return nil, err
	}
	return report, f.shrink.perform(ctx, runs, outcomes, report, text, errOut)
}

// sum writes what's known once all plans were carried out.
func (f *chaosFlags) sum(reports []*chaos.Report, to cli.Output) error {
	campaign := chaos.NewCampaign(reports)
	if f.claims != nil {
		if err := campaign.WriteText(to.Text, cli.Width(to.Text)); err != nil {
			return err
		}
	}
	switch {
	case to.JSON == nil:
		return nil
	case f.claims != nil:
		return campaign.WriteJSON(to.JSON)
	}
	return reports[0].WriteJSON(to.JSON)
}

// performAll performs the runs one after the other, until one can't be or ctx ends. It returns
// what there is to judge all the same.
func performAll(ctx context.Context, runs []chaos.Run, errOut io.Writer) ([]*chaos.Outcome, error) {
	var outcomes []*chaos.Outcome
	for i, r := range runs {
		progress := newChaosProgress(errOut, r, i+1, len(runs))
		r.Progress = progress.tell
		o, err := r.Perform(ctx)
		progress.finish()
		if o != nil {
			outcomes = append(outcomes, o)
		}
		switch {
		case ctx.Err() != nil:
			reached := ""
			if o != nil {
				reached = ", after " + chaos.Reached(*o.History.Chaos)
			}
			return outcomes, &statusError{statusInterrupted, fmt.Errorf("interrupted in the run of %s%s: %w", r.Subject.Name, reached, context.Cause(ctx))}
		case err != nil:
			return outcomes, &statusError{statusEnvironment, fmt.Errorf("%s: %w", r.Subject.Name, err)}
		}
	}
	return outcomes, nil
}

// chaosStatus is the exit status that the outcomes ask for.
func chaosStatus(outcomes []*chaos.Outcome) error {
	unexpected := 0
	for _, o := range outcomes {
		if !o.AsExpected() {
			unexpected++
		}
	}
	if unexpected > 0 {
		return &statusError{statusUnexpected, fmt.Errorf("%d of %d runs didn't end as expected", unexpected, len(outcomes))}
	}
	return nil
}

// schedules reads the plan, or makes one, or one for each claim.
func (f *chaosFlags) schedules() ([]chaos.Plan, error) {
	if err := checkBackend(f.backend); err != nil {
		return nil, err
	}
	if f.planFile != "" {
		plan, err := readPlan(f.planFile)
		if err == nil {
			err = plan.Suits(cluster.Backend(f.backend))
		}
		return []chaos.Plan{plan}, err
	}
	f.plan.TTL, f.plan.Duration = protocol.InMilliseconds(f.ttl), protocol.InMilliseconds(f.duration)
	if f.claims == nil {
		plan, err := chaos.Generate(f.plan, cluster.Backend(f.backend), f.weights, f.every)
		return []chaos.Plan{plan}, err
	}
	claims, err := chaos.ParseClaims(f.claims)
	if err == nil && len(claims) == 0 {
		err = fmt.Errorf("--claims: name at least one of %s", strings.Join(chaos.ClaimNames(), ", "))
	}
	if err != nil {
		return nil, err
	}
	var plans []chaos.Plan
	for _, claim := range claims {
		f.plan.Claim = claim
		plan, err := chaos.Generate(f.plan, cluster.Backend(f.backend), claim.Weights(cluster.Backend(f.backend)), f.every)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

func readPlan(name string) (chaos.Plan, error) {
	file, err := os.Open(name)
	if err != nil {
		return chaos.Plan{}, fmt.Errorf("--plan: %w", err)
	}
	defer file.Close()
	plan, err := chaos.ReadPlan(file)
	if err != nil {
		return chaos.Plan{}, fmt.Errorf("--plan %s: %w", name, err)
	}
	return plan, nil
}

// runs checks the other flags, and lists what they ask for.
func (f *chaosFlags) runs(plan chaos.Plan) ([]chaos.Run, error) {
	f.subjects.backend, f.subjects.nodes, f.subjects.parallel, f.subjects.timeout = f.backend, plan.Nodes, 1, time.Minute
	if f.html == "-" {
		return nil, errors.New("--html -: give the name of a file; a page doesn't go to standard output")
	}
	if err := cli.CheckFiles(cli.FileFlag{Flag: "--json", File: f.json}, cli.FileFlag{Flag: "--html", File: f.html}); err != nil {
		return nil, err
	}
	for flag, share := range map[string]float64{"last-moments": f.lastMoments, "long-holds": f.longHolds} {
		if !(share >= 0 && share <= 1) {
			return nil, fmt.Errorf("--%s %v: give from 0 to 1", flag, share)
		}
	}
	if err := errors.Join(f.subjects.check(), f.shrink.check()); err != nil {
		return nil, err
	}
	subjects, err := f.subjects.judged()
	if err != nil {
		return nil, err
	}
	program, err := workerProgram()
	if err != nil {
		return nil, err
	}
	var runs []chaos.Run
	for _, s := range subjects {
		runs = append(runs, chaos.Run{Plan: plan, Subject: s, Backend: cluster.Backend(f.backend), Worker: program, LastMoments: f.lastMoments, LongHolds: f.longHolds, Strict: f.subjects.strict.with(s)})
	}
	return runs, nil
}
