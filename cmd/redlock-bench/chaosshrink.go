package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
)

// shrinkFlags are the flags of chaos that are about shorter schedules.
type shrinkFlags struct {
	budget      time.Duration
	need, tries int
}

func (f *shrinkFlags) register(flags *pflag.FlagSet) {
	flags.DurationVar(&f.budget, "shrink", 0, "look for this `TIME` for a shorter schedule under which a subject that failed still fails")
	flags.IntVar(&f.need, "shrink-need", 2, "a schedule must fail `N` times, because real processes never do the same twice")
	flags.IntVar(&f.tries, "shrink-tries", 3, "of `N` runs at most")
}

func (f *shrinkFlags) check() error {
	switch {
	case f.budget < 0:
		return fmt.Errorf("--shrink %v: give more than 0, or leave it out", f.budget)
	case f.need < 1 || f.tries < f.need || f.tries > 100:
		return fmt.Errorf("--shrink-need %d and --shrink-tries %d: give at least 1, no more of the first than of the second, and at most 100", f.need, f.tries)
	}
	return nil
}

// perform looks for a shorter schedule for each subject that failed, and adds it to the report.
func (f *shrinkFlags) perform(ctx context.Context, runs []chaos.Run, outcomes []*chaos.Outcome, report *chaos.Report, out, errOut io.Writer) error {
	if f.budget == 0 {
		return nil
	}
	if !slices.ContainsFunc(outcomes, (*chaos.Outcome).Violated) {
		_, err := fmt.Fprintln(out, "--shrink: there is nothing to shrink, since nothing was violated; try another --seed, or a longer --duration")
		return err
	}
	for i, o := range outcomes {
		if !o.Violated() || ctx.Err() != nil {
			continue
		}
		plan, found, err := f.shrink(ctx, runs[i], o.FailedAt(), errOut)
		if err != nil {
			return err
		}
		if !found {
			_, _ = fmt.Fprintf(out, "%s: no schedule was found that fails in %d of %d runs within %v; give --shrink more time, or --shrink-need less\n",
				o.Subject.Name, f.need, f.tries, f.budget)
			continue
		}
		report.Results[i].Shrunk = &plan
		_, _ = fmt.Fprintf(out, "\nThe shortest schedule found under which %s failed in %d of at most %d runs. Real processes never do the\n"+
			"same twice, so run it more than once: save it as plan.json, then redlock-bench chaos --backend %s --subject %s --plan plan.json\n",
			o.Subject.Name, f.need, f.tries, report.Backend, o.Subject.Name)
		if err := plan.WriteJSON(out); err != nil {
			return err
		}
	}
	return nil
}

func (f *shrinkFlags) shrink(ctx context.Context, run chaos.Run, at time.Duration, errOut io.Writer) (chaos.Plan, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, f.budget)
	defer cancel()
	shrinker := chaos.Shrinker{
		Need: f.need, Tries: f.tries,
		Fails: func(ctx context.Context, p chaos.Plan) (bool, error) {
			candidate := run
			candidate.Plan, candidate.Progress = p, nil
			o, err := candidate.Perform(ctx)
			if err != nil && ctx.Err() == nil {
				// Of many starts one may find a port taken that was free a moment ago.
				o, err = candidate.Perform(ctx)
			}
			return err == nil && o.Violated(), err
		},
		Progress: func(p chaos.Plan) {
			_, _ = fmt.Fprintf(errOut, "%s: still fails with %d faults in %v\n", run.Subject.Name, len(p.Faults), p.Duration.Duration())
		},
	}
	return shrinker.Shrink(ctx, run.Plan, at)
}
