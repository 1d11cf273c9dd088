package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock/internal/inspect"
)

func newListCommand() *cobra.Command {
	var f lookFlags
	cmd := &cobra.Command{
		Use:   "ls PREFIX",
		Short: "List the locks that are held, by the beginning of their names",
		Long: `List the locks whose names begin with the PREFIX and that are held on some server; ''
stands for all names. Show tells more about one of them.

Ls goes through all keys of every server with SCAN, in steps, since Redis has no other
way to find names. The more keys a server has, the longer that takes, whatever the
prefix. The user needs the right to SCAN. A lock that's taken or released meanwhile may
be missing. Other strings with a TTL look like locks of programs that keep no record.

The JSON form is an array of what show --json prints.

Exit status: 0, also if there is none, 2 for a command line that makes no sense, 69 if
too few servers answer to tell.

` + cli.NodesHelp,
		Example: `  redlock ls deploy:
  redlock ls '' --json | jq -r '.[].name'`,
		Args:              one("give the beginning of the locks' names, '' for all"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			voters, err := f.open()
			if err != nil {
				return err
			}
			defer voters.Close()
			names, few, scanErr := voters.Names(cmd.Context(), args[0])
			if few {
				return &cli.Failure{Status: statusNoQuorum, Err: fmt.Errorf("too few servers answered to tell: %w", scanErr)}
			}
			if scanErr != nil {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "redlock: a minority of the servers wasn't asked: %s\n", remedies(cli.Redact(scanErr.Error()), true))
			}
			slices.Sort(names)
			locks, err := voters.LookAll(cmd.Context(), names)
			if err != nil {
				return err
			}
			locks = slices.DeleteFunc(locks, func(l inspect.Lock) bool { return !somewhereHeld(l) })
			if f.json {
				return cli.WriteJSON(cmd.OutOrStdout(), locks)
			}
			return writeLocks(cmd.OutOrStdout(), locks)
		},
	}
	f.register(cmd)
	return cmd
}

// somewhereHeld reports whether a server has a holder that looks like one: what has no TTL is something else.
func somewhereHeld(l inspect.Lock) bool {
	return slices.ContainsFunc(l.Voters, func(a inspect.Answer) bool { return a.State == inspect.Held && a.RemainingMS != nil })
}

func writeLocks(w io.Writer, locks []inspect.Lock) error {
	if len(locks) == 0 {
		return nil
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "NAME\tSTATE\tOWNER\tTOKEN\tFENCE\tFOR ANOTHER")
	for _, l := range locks {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", text(l.Name), l.State, text(l.Owner), text(l.Token), number(l.Fence), remaining(l.RemainingMS))
	}
	_ = t.Flush() // a strings.Builder doesn't fail
	_, err := io.WriteString(w, b.String())
	return err
}
