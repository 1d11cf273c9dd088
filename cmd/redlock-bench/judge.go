package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/results"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

func newJudgeCommand() *cobra.Command {
	var strict strictness
	cmd := &cobra.Command{
		Use:   "judge FILE",
		Short: "Judge recorded histories again",
		Long: `Run all checkers on the histories in FILE, the search for a linearization included:
what run --json or chaos --json wrote, or a single history; - is standard input.
testdata/results/schema.json describes these files. Nothing is started and no clock is
read, so the same file always gets the same verdicts from the same version. Exit status:
as of run and chaos.`,
		Example: `  redlock-bench run --json results.json && redlock-bench judge results.json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return errors.New("judge: give the file that run --json or chaos --json wrote: redlock-bench judge FILE")
			case 1:
				return nil
			}
			return fmt.Errorf("judge: there are %d files, and it takes one: redlock-bench judge FILE", len(args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			read := func() ([]byte, error) { return os.ReadFile(args[0]) }
			if args[0] == "-" {
				read = func() ([]byte, error) { return io.ReadAll(cmd.InOrStdin()) }
			}
			data, err := read()
			if err != nil {
				return fmt.Errorf("judge: %w", err)
			}
			if err := judge(data, strict, cmd.OutOrStdout()); err != nil {
				return judgeError(args[0], err)
			}
			return nil
		},
	}
	strict.register(cmd.Flags())
	return cmd
}

// judgeError is an error about a file. Help explains none of them.
func judgeError(file string, err error) error {
	status := statusUsage
	if s, asks := errors.AsType[*statusError](err); asks {
		status = s.status
	}
	return &statusError{status, fmt.Errorf("judge %s: %w", file, err)}
}

// judge tells from its kind what a file is, and from its fields, where it's a single history or of an older version.
func judge(data []byte, strict strictness, out io.Writer) error {
	var head results.Header
	var fields map[string]json.RawMessage
	const remedy = "give what run --json or chaos --json wrote, or a history"
	if !json.Valid(data) {
		return fmt.Errorf("it isn't JSON (%w); %s", json.Unmarshal(data, &fields), remedy)
	}
	if json.Unmarshal(data, &fields) != nil {
		return errors.New("it isn't a JSON object; " + remedy)
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	if head.Version > results.Version {
		return fmt.Errorf("it's of version %d, and this redlock-bench reads up to %d; take a newer one", head.Version, results.Version)
	}
	has := func(field string) bool { _, there := fields[field]; return there }
	switch {
	case head.Kind == results.Doctor:
		return errors.New("it's what doctor --json wrote, which has no history")
	case head.Kind == results.Claims || has("reports"):
		return judgeAs(data, func(c chaos.Campaign) error { return judgeChaos(c.Reports, strict, out) })
	case head.Kind == results.Chaos || has("plan_fingerprint"):
		return judgeAs(data, func(r chaos.Report) error { return judgeChaos([]*chaos.Report{&r}, strict, out) })
	case head.Kind == results.Run || has("results"):
		return judgeAs(data, func(r report.Report) error { return judgeRun(r, strict, out) })
	case has("operations"):
		return judgeAs(data, func(h history.History) error { return judgeHistory(&h, strict, out) })
	}
	return errors.New("it's neither what run --json or chaos --json writes, nor a history")
}

// judgeAs reads what a file has been found to be.
func judgeAs[T any](data []byte, judge func(T) error) error {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	return judge(v)
}

// judgeHistory judges a history as the only one of a run.
func judgeHistory(h *history.History, strict strictness, out io.Writer) error {
	if h.Chaos != nil {
		plan := chaos.Plan{
			Seed: h.Seed, Nodes: h.Nodes, Clients: len(h.Clients),
			TTL: protocol.InMilliseconds(h.TTL), Duration: protocol.InMilliseconds(h.Chaos.Duration),
		}
		return judgeChaos([]*chaos.Report{{Backend: h.Backend, Plan: plan, Results: []chaos.Result{{Subject: h.Subject, History: h}}}}, strict, out)
	}
	return judgeRun(report.Report{Backend: h.Backend, Nodes: h.Nodes, Seed: h.Seed,
		Results: []report.Result{{Scenario: h.Scenario, Subject: h.Subject, History: h}}}, strict, out)
}

var (
	errNothing   = errors.New("there are no results in it")
	errNoHistory = errors.New("it has no history; results of older versions can't be judged again")
)

func judgeRun(r report.Report, strict strictness, out io.Writer) error {
	var outcomes []*experiment.Outcome
	for _, result := range r.Results {
		s, err := scenario.Find(result.Scenario)
		if err != nil {
			return err
		}
		sub := recordedSubject(result.Subject)
		if result.History == nil && result.Failure == nil {
			return fmt.Errorf("%s under %s: %w", result.Scenario, result.Subject, errNoHistory)
		}
		spec := experiment.Spec{Scenario: s, Subject: sub, Strict: strict.with(sub)}
		outcomes = append(outcomes, spec.Judge(result.History, result.Failure.Err()))
	}
	if len(outcomes) == 0 {
		return errNothing
	}
	again := report.New(r.Backend, r.Nodes, r.Seed, outcomes)
	if err := again.WriteSummary(out, cli.InColour(out), cli.Width(out)); err != nil {
		return &statusError{statusEnvironment, err}
	}
	return runStatus(again)
}

// runStatus is the exit status that the results ask for.
func runStatus(r *report.Report) error {
	if unexpected := len(r.Unexpected()); unexpected > 0 {
		return &statusError{statusUnexpected, fmt.Errorf("%d of %s didn't end as expected", unexpected, spoken.Count(len(r.Results), "experiment"))}
	}
	return nil
}

func judgeChaos(reports []*chaos.Report, strict strictness, out io.Writer) error {
	var all []*chaos.Outcome
	for i, r := range reports {
		var outcomes []*chaos.Outcome
		for _, result := range r.Results {
			if result.History == nil || result.History.Chaos == nil {
				return fmt.Errorf("%s: %w", result.Subject, errNoHistory)
			}
			var failed error
			if result.Error != "" {
				failed = errors.New(result.Error)
			}
			o := chaos.Judge(result.History, failed)
			o.Subject, o.Outside = recordedSubject(result.Subject), result.Outside
			o.Strict = strict.with(o.Subject)
			outcomes = append(outcomes, o)
		}
		reports[i] = chaos.NewReport(r.Backend, r.Plan, outcomes)
		reports[i].NotBegun = r.NotBegun
		if err := reports[i].WriteText(out, cli.Width(out)); err != nil {
			return &statusError{statusEnvironment, err}
		}
		all = append(all, outcomes...)
	}
	if len(all) == 0 {
		return errNothing
	}
	if len(reports) > 1 {
		if err := chaos.NewCampaign(reports).WriteText(out, cli.Width(out)); err != nil {
			return &statusError{statusEnvironment, err}
		}
	}
	return chaosStatus(all)
}

// recordedSubject is the subject of a recorded history, which may be a stranger.
func recordedSubject(name string) subject.Subject {
	if s, err := subject.Find(name); err == nil {
		return s
	}
	return subject.External(name, nil)
}
