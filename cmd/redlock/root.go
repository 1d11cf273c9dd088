package main

import (
	"fmt"
	"regexp"
	"strings"

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
says whether the servers are fit for it. Quorum tells which servers vote, and replaces
them.

` + cli.NodesHelp,
		Example: `  export REDLOCK_NODES=redis://10.0.0.1:6379,redis://10.0.0.2:6379,redis://10.0.0.3:6379
  redlock exec -n nightly -- /usr/local/bin/report
  redlock show nightly`,
		Version:          cli.Version(),
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: interruptible,
	}
	root.AddCommand(newExecCommand(), newShowCommand(), newListCommand(), newBreakCommand(), newQuorumCommand(), doctorcmd.New("redlock", false), newManCommand(), newVersionCommand())
	return root
}

// one is the check of a command that takes one argument; missing says what that is.
func one(missing string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := strings.TrimSuffix(cmd.UseLine(), " [flags]")
		switch len(args) {
		case 0:
			return fmt.Errorf("%s: %s: %s", cmd.Name(), missing, usage)
		case 1:
			return nil
		}
		return fmt.Errorf("%s: there are %d names, and it takes one: %s", cmd.Name(), len(args), usage)
	}
}

// slowRemedy is what the library advises where a server is slow: an option of Go.
var slowRemedy = regexp.MustCompile(`; if it's slow or far away(?: rather than down)?, raise WithNodeTimeout(?:, which is [\w.]+)?`)

// remedies puts --timeout into a text of the library, or nothing for a command without that flag.
func remedies(text string, hasTimeout bool) string {
	advice := ""
	if hasTimeout {
		advice = "; if it's slow or far away rather than down, raise --timeout"
	}
	return slowRemedy.ReplaceAllString(text, advice)
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
