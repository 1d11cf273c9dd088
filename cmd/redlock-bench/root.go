package main

import (
	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/internal/doctorcmd"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "redlock-bench",
		Short: "Find out which distributed locks break under which faults",
		Long: `Redlock-bench starts Redis nodes, lets clients lock on them as processes of their
own, injects one fault at the worst moment, and judges what the clients believed.

Exit status: 0 if every verdict is as expected, 1 if one is not, 2 for a command
line that makes no sense or names a file that can't be used, 3 if something is
missing on this machine, 130 if interrupted: by Ctrl-C, TERM or a closed terminal.`,
		Example: `  redlock-bench run
  redlock-bench run clock-jump --backend redis --subject classic,guarded
  redlock-bench list`,
		Version:       cli.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRunCommand(), newChaosCommand(), newJudgeCommand(), newLoadCommand(), newListCommand(), doctorcmd.New("redlock-bench", true), newWorkerCheckCommand(), newVersionCommand(), newWorkerCommand(), newLoadClientCommand())
	return root
}
