package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

// loadFlags are the flags of load.
type loadFlags struct {
	config   load.Config
	subjects []string
	peers    string
	json     string
}

func newLoadCommand() *cobra.Command {
	f := loadFlags{config: load.Defaults()}
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Measure how fast locks are, and what they cost, side by side",
		Long: `Start redis-servers and client processes, and let the clients lock as fast as they
can, or at a given rate. The subjects take turns, round for round, so that what
happens to the machine meanwhile happens to all of them; each of their rounds is the
same work, and starts with a warm-up that isn't measured.

With as many names as goroutines or more, no two clients want the same lock. With
fewer they share them: then a hand-off is from a release while somebody waits to the
next acquisition. Waits count from when they were meant to begin, also where an open
loop (--rate) had no goroutine free for them, and also if the end of a round cut them
short.

CPU time and allocations are those of the client processes, commands and bytes those
of all servers together; commands that scripts execute count.

Exit status: 0 if all was measured, 1 if two clients held a lock at once, 2 for a
command line that makes no sense, 3 if something is missing on this machine, 130 if
interrupted, after the table of the rounds that were complete.`,
		Example: `  redlock-bench load
  redlock-bench load --peers bin/redlock-peers --json load.json
  redlock-bench load --names 1 --goroutines 8 --processes 8 --hold 1ms --rest 4ms
  redlock-bench load --rate 5000 --subject guarded`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(cmd)
	return cmd
}

func (f *loadFlags) register(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.config
	flags.IntVar(&c.Nodes, "nodes", c.Nodes, "start `N` redis-servers")
	flags.IntVar(&c.Goroutines, "goroutines", c.Goroutines, "`N` clients, in all processes together")
	flags.IntVar(&c.Processes, "processes", c.Processes, "spread the clients over `N` processes")
	flags.IntVar(&c.Names, "names", 0, "lock `N` names; 1 has all clients wait for one lock (default one per goroutine)")
	flags.Float64Var(&c.Rate, "rate", 0, "begin `R` acquisitions a second, whether or not earlier ones are done (default a closed loop)")
	flags.BoolVar(&c.Try, "try", false, "try again and again, without a pause, instead of waiting as the library does")
	flags.DurationVar(&c.Hold, "hold", 0, "hold each lock for this `TIME`")
	flags.DurationVar(&c.Rest, "rest", 0, "let a client rest for this `TIME` after each lock")
	flags.DurationVar(&c.TTL, "ttl", c.TTL, "the TTL of the locks is this `TIME`; guarded locks wait for it once, when the servers are new")
	flags.DurationVar(&c.Duration, "duration", c.Duration, "measure for this `TIME` in each round of each subject")
	flags.IntVar(&c.Rounds, "rounds", c.Rounds, "`N` rounds of each subject")
	flags.StringSliceVar(&f.subjects, "subject", nil, "which locks to measure: `NAME,...` (default all, those of --peers included)")
	flags.StringVar(&f.peers, "peers", "", "measure lock libraries of others, too: `FILE` is the program of cmd/redlock-peers")
	flags.StringVar(&f.json, "json", "", "also write everything that was measured as JSON to `FILE`; - is standard output, and moves the table to standard error")
	var known []string
	for _, s := range slices.Concat(load.Peers(nil), load.Own(nil)) {
		known = append(known, s.Name)
	}
	completeList(cmd, "subject", known)
	for _, name := range []string{"nodes", "goroutines", "processes", "names", "rate", "hold", "rest", "ttl", "duration", "rounds"} {
		completeFlag(cmd, name)
	}
}

// run is the command. It starts nothing until all of its input has been found good.
func (f *loadFlags) run(ctx context.Context, out, errOut io.Writer) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	to, err := newOutput(f.json, out, errOut)
	if err != nil {
		return err
	}
	defer to.close(&err)

	bar := newLoadProgress(errOut, f.config)
	report, runErr := load.Run(ctx, f.config, bar.add)
	bar.finish()
	if report.Rounds() > 0 {
		err = report.WriteText(to.text)
		if to.json != nil {
			err = errors.Join(err, report.WriteJSON(to.json))
		}
	}
	overlaps := report.Overlaps()
	switch {
	case err != nil:
		return &statusError{statusEnvironment, err}
	case ctx.Err() != nil:
		return &statusError{statusInterrupted, fmt.Errorf("interrupted after %d of %d rounds: %w", report.Rounds(), f.config.Rounds, context.Cause(ctx))}
	case runErr != nil:
		return &statusError{statusEnvironment, runErr}
	case len(overlaps) > 0:
		return &statusError{statusUnexpected, fmt.Errorf("two clients held a lock at once: %s", counts(overlaps))}
	}
	return nil
}

func counts(of map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%s (%d times)", name, of[name]))
	}
	return strings.Join(all, ", ")
}

// check refuses flags that make no sense and finds the subjects.
func (f *loadFlags) check() error {
	if err := f.config.Check(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return &statusError{statusEnvironment, err}
	}
	all := load.Own([]string{self, loadClientCommand})
	if f.peers != "" {
		if _, err := exec.LookPath(f.peers); err != nil {
			return fmt.Errorf("--peers: %w", err)
		}
		all = slices.Concat(load.Peers([]string{f.peers, "load"}), all)
	}
	f.config.Subjects, err = chosen(all, f.subjects)
	return err
}

// chosen returns the subjects with these names, which are all where none is given.
func chosen(all []load.Subject, names []string) ([]load.Subject, error) {
	if names == nil {
		return all, nil
	}
	var known []string
	for _, s := range all {
		known = append(known, s.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("--subject: name at least one of %s", strings.Join(known, ", "))
	}
	var subjects []load.Subject
	for _, name := range unique(names) {
		i := slices.Index(known, name)
		switch {
		case i >= 0:
			subjects = append(subjects, all[i])
		case slices.ContainsFunc(load.Peers(nil), func(s load.Subject) bool { return s.Name == name }):
			return nil, fmt.Errorf("--subject %s: it isn't built in; give the program that runs it with --peers FILE", name)
		default:
			return nil, unknownName("subject", name, known)
		}
	}
	return subjects, nil
}

// loadClientCommand is what redlock-bench runs itself as.
const loadClientCommand = "load-client"

// newLoadClientCommand is hidden because people can't do anything with it; package loadgen describes
// what it speaks.
func newLoadClientCommand() *cobra.Command {
	return &cobra.Command{
		Use:    loadClientCommand + " SUBJECT",
		Short:  "Be clients under load, on standard input and output",
		Hidden: true,
		Args:   cobra.ExactArgs(1), // for people who look at processes: the first request names the subject, too
		RunE: func(*cobra.Command, []string) error {
			if err := loadgen.Serve(os.Stdin, os.Stdout, load.Open); err != nil {
				return &statusError{statusEnvironment, err}
			}
			return nil
		},
	}
}
