// Package doctorcmd is the doctor's command line, which is the same in each command of this module.
package doctorcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/doctor"
)

// The exit statuses that scripts can rely on.
const (
	statusFindings    = 1   // there is an error among the findings, or a warning if those count
	statusSilence     = 3   // no node answers
	statusInterrupted = 130 // ended by a signal, as shells report SIGINT
)

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	nodes    cli.Nodes
	ttl      time.Duration
	duration time.Duration
	timeout  time.Duration
	prefix   string
	json     string
	jsonOnly bool
	strict   bool
}

// New returns the command for the program of that name. Its flag --json takes a file, where all of the
// program's do, or says that standard output is for JSON and nothing else.
func New(program string, jsonFile bool) *cobra.Command {
	var f doctorFlags
	example := "--json"
	if jsonFile {
		example = "--json -"
	}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out whether running servers are fit for locking, and what to change",
		Long: `Ask Redis servers about themselves, watch their clocks and answer times, and say
whether package redlock can safely lock on them: are they reachable, independent
of each other, masters, new enough; may their users run what locks need; what do a
restart, a full memory and their clocks do to a lock that is held.

A finding is "ok", a "note", a "warning" (it costs availability, or is unsafe
together with something else) or an "error" (it breaks safety, or the node can't
vote). The worst come first. What to change follows after "->", as a command for
redis-cli where there is one.

It only reads, apart from a probe. On each node by itself, a lock is taken, extended
and released whose name begins with the --prefix and ends at random, and a script
tries the commands that locks need now and then on the same keys. These are deleted
again, and otherwise expire in 10 s. Each node is asked for its time 50 times a second.

The report has the smallest set of rights that locks with that --prefix need, as a
command for redis-cli.

` + cli.NodesHelp + `

The JSON form has the same content, under names that stay: ttl_ms, prefix,
interrupted, fit, nodes (node, url, reached, version, role, run_id, answers, clock),
findings (check, level, nodes, found, change), recommendations (option, value, why),
acl (nodes, rule) and unchecked.
Its times are milliseconds where the name ends in _ms; rates are fractions.

Exit status: 0 if there is no error among the findings, 1 if there is one (or a
warning, with --strict), 2 for a command line that makes no sense, 3 if no node
answers, 130 if interrupted.`,
		Example: fmt.Sprintf(`  %[1]s doctor --nodes redis://10.0.0.1:6379,redis://10.0.1.1:6379,redis://10.0.2.1:6379
  %[1]s doctor --nodes-file /etc/redlock/nodes --prefix jobs: --ttl 30s %[2]s`, program, example),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				// Not repeated, since it may be a URL with a password.
				return fmt.Errorf("doctor takes no arguments, but got %d; give the servers with --nodes URL,URL,… without spaces", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return examine(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	f.nodes.Register(cmd)
	flags.DurationVar(&f.ttl, "ttl", 10*time.Second, "judge for locks with this `TTL`")
	flags.DurationVar(&f.duration, "duration", 5*time.Second, "watch clocks and answer times for this `TIME`; the longer, the sharper the rates")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Second, "the `TIME` to wait for each answer")
	flags.StringVar(&f.prefix, "prefix", "", "the `PREFIX` of the locks' names, for users who may touch some keys only")
	if jsonFile {
		flags.StringVar(&f.json, "json", "", "also write the report as JSON to `FILE`; - is standard output, and moves the text to standard error")
	} else {
		flags.BoolVar(&f.jsonOnly, "json", false, "print JSON on standard output, and nothing else")
	}
	flags.BoolVar(&f.strict, "strict", false, "let warnings count as errors do: exit with status 1")
	for _, name := range []string{"ttl", "duration", "timeout", "prefix"} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions); err != nil {
			panic(err) // the flag is misspelt above
		}
	}
	return cmd
}

// examine is the command.
func examine(ctx context.Context, f doctorFlags, out, errOut io.Writer) (err error) {
	urls, err := f.nodes.URLs()
	if err != nil {
		return err
	}
	config := doctor.Config{URLs: urls, TTL: f.ttl, Duration: f.duration, Timeout: f.timeout, Prefix: f.prefix}
	progress, finish := watchProgress(errOut, f.duration)
	config.Progress = progress
	d, err := doctor.New(config)
	if err != nil {
		return err
	}
	to, err := cli.NewOutput(f.json, out, errOut)
	if err != nil {
		return err
	}
	defer to.Close(&err)

	logging.Disable() // go-redis would print what is reported anyway
	r, err := d.Examine(ctx)
	finish()
	if err != nil {
		return &cli.Failure{Status: statusInterrupted, Err: fmt.Errorf("interrupted before anything was known: %w", err)}
	}
	if f.jsonOnly {
		to = cli.Output{Text: io.Discard, JSON: out}
	}
	err = r.WriteText(to.Text, cli.Width(to.Text), cli.InColour(to.Text))
	if to.JSON != nil {
		err = errors.Join(err, r.WriteJSON(to.JSON))
	}
	if err != nil {
		return &cli.Failure{Status: statusSilence, Err: err}
	}
	return diagnosis(ctx, r, f.strict)
}

// diagnosis is the error, if any, that a report amounts to.
func diagnosis(ctx context.Context, r *doctor.Report, strict bool) error {
	switch {
	case r.Interrupted:
		return &cli.Failure{Status: statusInterrupted, Err: fmt.Errorf("interrupted: %w", context.Cause(ctx))}
	case r.Reached() == 0:
		return &cli.Failure{Status: statusSilence, Err: fmt.Errorf("none of %d nodes answers", len(r.Nodes))}
	case !r.Fit:
		return &cli.Failure{Status: statusFindings, Err: fmt.Errorf("errors among the findings: %d", r.Count(doctor.Error))}
	case strict && r.Count(doctor.Warning) > 0:
		return &cli.Failure{Status: statusFindings, Err: fmt.Errorf("warnings among the findings: %d, and --strict lets none pass", r.Count(doctor.Warning))}
	}
	return nil
}

// watchProgress shows how far the watch is: a bar on a terminal, nothing but a first line
// elsewhere.
func watchProgress(w io.Writer, duration time.Duration) (show func(time.Duration), finish func()) {
	if !cli.IsTerminal(w) {
		said := false
		return func(time.Duration) {
			if !said {
				said = true
				_, _ = fmt.Fprintf(w, "watching clocks and answer times for %v\n", duration)
			}
		}, func() {}
	}
	bar := progressbar.NewOptions64(duration.Milliseconds(),
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("watching"),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
	)
	return func(done time.Duration) { _ = bar.Set64(done.Milliseconds()) }, func() { _ = bar.Clear() }
}
