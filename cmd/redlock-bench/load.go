package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/loadreport"
)

// loadFlags are the flags of load.
type loadFlags struct {
	config   load.Config
	sweep    string
	subjects []string
	peers    string
	json     string
	html     string
	markdown bool

	command string // that repeats it
}

func newLoadCommand() *cobra.Command {
	cmd, _ := loadCommand()
	return cmd
}

// loadCommand is the command with the flags that it parses into.
func loadCommand() (*cobra.Command, *loadFlags) {
	f := &loadFlags{config: load.Defaults()}
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

The JSON form has command, versions, sweep, and runs (config, baseline, subjects).
A subject has a summary and ratios_over_baseline (median, min and max by measurement;
names end with the unit), its distributions in HdrHistogram's format, and its rounds.

Exit status: 0 if all was measured, 1 if two clients held a lock at once, 2 for a
command line that makes no sense, 3 if something is missing on this machine, 130 if
interrupted, after the table of the rounds that were complete.`,
		Example: `  redlock-bench load
  redlock-bench load --peers bin/redlock-peers --json load.json
  redlock-bench load --names 1 --goroutines 8 --processes 8 --hold 1ms --rest 4ms
  redlock-bench load --names 1 --goroutines 5 --processes 5 --every 20ms
  redlock-bench load --rate 5000 --subject guarded
  redlock-bench load --sweep goroutines=1,4,16,64,256 --html growth.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.command = repeating(cmd)
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.register(cmd)
	return cmd, f
}

func (f *loadFlags) register(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.config
	flags.IntVar(&c.Nodes, "nodes", c.Nodes, "start `N` redis-servers")
	flags.IntVar(&c.Goroutines, "goroutines", c.Goroutines, "`N` clients, in all processes together")
	flags.IntVar(&c.Processes, "processes", c.Processes, "spread the clients over `N` processes")
	flags.IntVar(&c.Names, "names", 0, "lock `N` names; 1 has all clients wait for one lock (default one per goroutine)")
	flags.IntVar(&c.Rate, "rate", 0, "begin `N` acquisitions a second, whether or not earlier ones are done (default a closed loop)")
	flags.DurationVar(&c.Every, "every", 0, "let all clients try at the same moment, once each, and again after this `TIME`; shows how often nobody wins")
	flags.BoolVar(&c.Try, "try", false, "try again and again, without a pause, instead of waiting as the library does")
	flags.DurationVar(&c.Hold, "hold", 0, "hold each lock for this `TIME`")
	flags.DurationVar(&c.Rest, "rest", 0, "let a client rest for this `TIME` after each lock")
	flags.DurationVar(&c.TTL, "ttl", c.TTL, "the TTL of the locks is this `TIME`; guarded locks wait for it once, when the servers are new")
	flags.DurationVar(&c.Duration, "duration", c.Duration, "measure for this `TIME` in each round of each subject")
	flags.IntVar(&c.Rounds, "rounds", c.Rounds, "`N` rounds of each subject")
	flags.StringVar(&f.sweep, "sweep", "", "do it once for each value of one of "+strings.Join(load.Sweeps(), ", ")+", on new servers, and show how it grows: `FLAG=N,...`")
	flags.StringSliceVar(&f.subjects, "subject", nil, "which locks to measure: `NAME,...` (default all, those of --peers included)")
	flags.StringVar(&f.peers, "peers", "", "measure lock libraries of others, too: `FILE` is the program of cmd/redlock-peers")
	flags.StringVar(&f.json, "json", "", "also write everything that was measured as JSON to `FILE`; - is standard output, and moves the table to standard error")
	flags.StringVar(&f.html, "html", "", "also write a page with tables and pictures to `FILE`; it needs no network")
	flags.BoolVar(&f.markdown, "markdown", false, "print the tables as Markdown")
	var known []string
	for _, s := range slices.Concat(load.Peers(nil), load.Own(nil)) {
		known = append(known, s.Name)
	}
	completeList(cmd, "subject", known)
	for _, name := range []string{"nodes", "goroutines", "processes", "names", "rate", "every", "hold", "rest", "ttl", "duration", "rounds", "sweep"} {
		completeFlag(cmd, name)
	}
}

// run is the command. It starts nothing until all of its input has been found good.
func (f *loadFlags) run(ctx context.Context, out, errOut io.Writer) (err error) {
	over, configs, err := f.configs()
	if err != nil {
		return err
	}
	to, err := cli.NewOutput(f.json, out, errOut)
	if err != nil {
		return err
	}
	defer to.Close(&err)
	var page io.Writer
	if f.html != "" {
		file, err := os.Create(f.html)
		if err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		page = file
	}

	began := time.Now()
	series := &load.Series{Command: f.command, Versions: versions(cluster.Redis), Sweep: over}
	runErr := perform(ctx, series, configs, errOut)
	if len(series.Runs) > 0 {
		if err := f.write(series, began, to, page); err != nil {
			return &statusError{statusEnvironment, err}
		}
	}
	if runErr != nil {
		return runErr
	}
	return exclusive(series)
}

// perform does one run after the other. Those that had a round, if not all, are in the series.
func perform(ctx context.Context, series *load.Series, configs []load.Config, errOut io.Writer) error {
	bar := newLoadProgress(errOut, configs)
	defer bar.finish()
	for i, config := range configs {
		report, err := load.Run(ctx, config, bar.add)
		if report.Rounds() > 0 {
			series.Runs = append(series.Runs, report)
		}
		switch {
		case ctx.Err() != nil:
			return &statusError{statusInterrupted, fmt.Errorf("interrupted in run %d of %d, after %d of its %d rounds: %w",
				i+1, len(configs), report.Rounds(), config.Rounds, context.Cause(ctx))}
		case err != nil:
			return &statusError{statusEnvironment, err}
		}
	}
	return nil
}

// write writes a series wherever it's wanted.
func (f *loadFlags) write(series *load.Series, began time.Time, to cli.Output, page io.Writer) error {
	text := loadreport.WriteText
	if f.markdown {
		text = loadreport.WriteMarkdown
	}
	err := text(to.Text, series)
	if to.JSON != nil {
		err = errors.Join(err, series.WriteJSON(to.JSON))
	}
	if page != nil {
		err = errors.Join(err, loadreport.WritePage(page, series, began))
	}
	return err
}

// exclusive is the error for a lock that two clients held at once: it may be as fast as it likes.
func exclusive(series *load.Series) error {
	overlaps := make(map[string]int)
	for _, run := range series.Runs {
		for name, n := range run.Overlaps() {
			overlaps[name] += n
		}
	}
	if len(overlaps) == 0 {
		return nil
	}
	return &statusError{statusUnexpected, fmt.Errorf("two clients held a lock at once: %s", counts(overlaps))}
}

func counts(of map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%s (%d times)", name, of[name]))
	}
	return strings.Join(all, ", ")
}

// configs refuses flags that make no sense and lists the runs that they ask for.
func (f *loadFlags) configs() (over string, configs []load.Config, err error) {
	if f.html == "-" {
		return "", nil, errors.New("--html -: give the name of a file; a page doesn't go to standard output")
	}
	if err := cli.CheckFiles(cli.FileFlag{Flag: "--json", File: f.json}, cli.FileFlag{Flag: "--html", File: f.html}); err != nil {
		return "", nil, err
	}
	if f.config.Subjects, err = f.measured(); err != nil {
		return "", nil, err
	}
	return f.config.Sweep(f.sweep)
}

// measured finds the subjects.
func (f *loadFlags) measured() ([]load.Subject, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, &statusError{statusEnvironment, err}
	}
	all := load.Own([]string{self, loadClientCommand})
	if f.peers != "" {
		if err := checkPeers(f.peers); err != nil {
			return nil, err
		}
		all = slices.Concat(load.Peers([]string{f.peers, "load"}), all)
	}
	return chosen(all, f.subjects)
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

// repeating is the line for a shell that runs a command again, without the files that it wrote.
func repeating(cmd *cobra.Command) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if flag.Name != "json" && flag.Name != "html" && flag.Name != "markdown" {
			value := strings.Trim(flag.Value.String(), "[]") // which surround lists
			words = append(words, "--"+flag.Name, quoted(value))
		}
	})
	return strings.Join(words, " ")
}
