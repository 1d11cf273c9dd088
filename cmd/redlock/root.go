package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/doctorcmd"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "redlock",
		Short: "Run commands under a distributed lock, and see who holds which",
		Long: `Redlock takes locks on a majority of independent Redis servers: exec runs a command
while it holds one, show and ls tell who holds which, break takes one away, and doctor
says whether the servers are fit for it.

` + cli.NodesHelp,
		Example: `  export REDLOCK_NODES=redis://10.0.0.1:6379,redis://10.0.0.2:6379,redis://10.0.0.3:6379
  redlock exec -n nightly -- /usr/local/bin/report
  redlock show nightly`,
		Version:          cli.Version(),
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: interruptible,
	}
	root.AddCommand(newExecCommand(), newShowCommand(), newListCommand(), newBreakCommand(), doctorcmd.New("redlock"), newManCommand(), newVersionCommand())
	return root
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "redlock version %s\n", cli.Version())
			return err
		},
	}
}
