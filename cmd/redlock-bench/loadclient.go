package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

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
