package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// newWorkerCommand is what the harness runs itself as. It's hidden because people can't do
// anything with it; docs/worker-protocol.md describes what it speaks.
func newWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "worker",
		Short:  "Be a client under test, on standard input and output",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := worker.Serve(os.Stdin, os.Stdout); err != nil {
				return &statusError{statusEnvironment, err}
			}
			return nil
		},
	}
}

// workerProgram is the command that runs this same program as a worker.
func workerProgram() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, &statusError{statusEnvironment, err}
	}
	return []string{self, "worker"}, nil
}
