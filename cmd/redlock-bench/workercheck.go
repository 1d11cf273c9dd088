package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/conformance"
)

// checkNodes is how many nodes a worker under check gets: the fewest that have a majority and a rest.
const checkNodes = 3

func newWorkerCheckCommand() *cobra.Command {
	var backend, subject string
	cmd := &cobra.Command{
		Use:   "worker-check COMMAND [ARG...]",
		Short: "Check whether a program is a worker that run --worker can judge",
		Long: `Start a program as a worker and check whether it speaks the worker protocol, see
docs/worker-protocol.md: a line per check, and exit status 1 if one failed. Each check
takes at most 20 s, whatever the program does.`,
		Example: `  redlock-bench worker-check ./my-worker --verbose
  redlock-bench worker-check --backend redis redlock-peers rueidislock`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("worker-check: give the program to check: redlock-bench worker-check COMMAND")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return workerCheck(cmd.Context(), backend, conformance.Worker{Command: args, Subject: subject}, cmd.OutOrStdout())
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows COMMAND is for it
	cmd.Flags().StringVar(&backend, "backend", string(cluster.Embedded), "`KIND` of the nodes: embedded (nothing to install) or redis (starts redis-server processes)")
	cmd.Flags().StringVar(&subject, "subject", "", "ask for the lock algorithm `NAME`, if the worker has several")
	completeFlag(cmd, "subject")
	completeFlag(cmd, "backend", string(cluster.Embedded), string(cluster.Redis))
	return cmd
}

func workerCheck(ctx context.Context, backend string, worker conformance.Worker, out io.Writer) error {
	if err := checkBackend(backend); err != nil {
		return err
	}
	if _, err := exec.LookPath(worker.Command[0]); err != nil {
		return fmt.Errorf("worker-check: %w", err)
	}
	checked, failed := 0, 0
	err := conformance.Run(ctx, worker, cluster.Config{Backend: cluster.Backend(backend), Nodes: checkNodes}, func(r conformance.Result) {
		checked++
		word, why := "ok  ", ""
		switch {
		case r.Err != nil:
			failed++
			word, why = "FAIL", "\n     "+r.Err.Error()
		case r.Skipped != "":
			word, why = "skip", ": "+r.Skipped
		}
		_, _ = fmt.Fprintf(out, "%s %s%s (%v)\n", word, r.Name, why, r.Took.Round(time.Millisecond))
	})
	switch {
	case ctx.Err() != nil:
		return &statusError{statusInterrupted, fmt.Errorf("interrupted after %d checks: %w", checked, context.Cause(ctx))}
	case err != nil:
		return &statusError{statusEnvironment, err}
	case failed > 0:
		return &statusError{statusUnexpected, fmt.Errorf("%d of %d checks failed", failed, checked)}
	}
	return nil
}
