package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock/internal/inspect"
)

// lookFlags are the flags of the commands that ask the voters.
type lookFlags struct {
	nodes   cli.Nodes
	timeout time.Duration
	json    bool
}

func (f *lookFlags) register(cmd *cobra.Command) {
	f.nodes.Register(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 2*time.Second, "the `TIME` to wait for each answer")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON on standard output, and nothing else")
	if err := cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions); err != nil {
		panic(err) // the flag is misspelt above
	}
}

// urls checks the flags and returns the servers' URLs.
func (f *lookFlags) urls() ([]string, error) {
	if f.timeout < time.Millisecond || f.timeout > time.Minute {
		return nil, fmt.Errorf("--timeout %v: give from 1ms to 1m", f.timeout)
	}
	return f.nodes.URLs()
}

// open prepares to ask the voters.
func (f *lookFlags) open() (*inspect.Voters, error) {
	urls, err := f.urls()
	if err != nil {
		return nil, err
	}
	return inspect.Open(urls, f.timeout)
}

func newShowCommand() *cobra.Command {
	var f lookFlags
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show who holds a lock, as each server sees it",
		Long: `Ask every server who holds the lock: what the holder calls itself, the token of the
acquisition, its fencing token, and for how long the server keeps others out. What it
tells was true when each server answered. The holder may renew or release at any moment.
Show changes nothing.

A lock is "held" if a majority names the same holder, "free" if a majority names none,
and "unclear" if neither: somebody may be taking or releasing it right now.

The JSON form has the same content, under names that stay: name, state, owner, token,
fence, remaining_ms and voters (node, state, owner, token, fence, remaining_ms, error).

Exit status: 0 whether it's held or free, 2 for a command line that makes no sense, 69
if too few servers answer to tell.

` + cli.NodesHelp,
		Example: `  redlock show nightly
  redlock show nightly --json | jq -r .token`,
		Args:              one("name the lock"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			voters, err := f.open()
			if err != nil {
				return err
			}
			defer voters.Close()
			l, err := voters.Look(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if f.json {
				err = cli.WriteJSON(cmd.OutOrStdout(), l)
			} else {
				err = writeLock(cmd.OutOrStdout(), l)
			}
			if l.State == inspect.NoAnswer {
				err = errors.Join(err, &cli.Failure{Status: statusNoQuorum, Err: fmt.Errorf("too few of %d servers answered to tell who holds %q", len(l.Voters), l.Name)})
			}
			return err
		},
	}
	f.register(cmd)
	return cmd
}

// writeLock writes what is known of a lock for people.
func writeLock(w io.Writer, l inspect.Lock) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", text(l.Name), summary(l))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SERVER\tSAYS\tOWNER\tTOKEN\tFENCE\tFOR ANOTHER")
	for _, a := range l.Voters {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Node, a.State, text(a.Owner), text(a.Token), number(a.Fence), remaining(a.RemainingMS))
	}
	_ = t.Flush() // a strings.Builder doesn't fail
	for _, a := range l.Voters {
		if a.Error != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", a.Node, remedies(cli.Redact(a.Error), true))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary says in a line who holds a lock.
func summary(l inspect.Lock) string {
	if l.State != inspect.Held {
		return string(l.State)
	}
	s := "held"
	if l.Owner != "" {
		s += " by " + text(l.Owner)
	}
	s += " with token " + text(l.Token)
	if l.Fence != 0 {
		s += fmt.Sprintf(", fencing token %d", l.Fence)
	}
	if l.RemainingMS != nil {
		s += fmt.Sprintf(", for another %s unless it's renewed", remaining(l.RemainingMS))
	}
	return s
}

// text makes a value from a server fit for a terminal.
func text(s string) string {
	quoted := fmt.Sprintf("%q", s)
	if s == "" {
		return "-"
	}
	if quoted[1:len(quoted)-1] != s || strings.Contains(s, " ") {
		return quoted
	}
	return s
}

func number(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func remaining(ms *float64) string {
	if ms == nil {
		return "-"
	}
	return (time.Duration(*ms) * time.Millisecond).String()
}
