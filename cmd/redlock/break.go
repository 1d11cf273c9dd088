package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/redlock"
)

// statusRefused is the exit status of break where there was nothing to break, or the answer was no.
const statusRefused = 1

func newBreakCommand() *cobra.Command {
	var f lookFlags
	var token string
	var yes bool
	cmd := &cobra.Command{
		Use:   "break NAME --token TOKEN",
		Short: "Take a lock away from its holder",
		Long: `Release, on every server, the lock with that NAME and that TOKEN. Show prints the token.
The token makes sure that a lock isn't broken which somebody else took meanwhile. On a
terminal, break shows the lock and asks first; elsewhere it wants --yes.

The holder isn't stopped by this. If it still lives, it hears of it when it renews, at a
third of its TTL, and another may have the lock by then. A command under redlock exec
gets KILL at that moment. Make sure that the holder is dead, or that what it writes to
checks fencing tokens.

The JSON form is {"name", "token", "broken"}; broken is false if no server had that
lock.

Exit status: 0 if the lock was broken, 1 if no server had a lock with that token or the
answer was no, 2 for a command line that makes no sense, 69 if too few servers answer:
then the lock was broken on those that did.

` + cli.NodesHelp,
		Example: `  redlock break nightly --token 5f0c6a1de1f3b2a49c0d3c1f77e0a9b2
  redlock break nightly --token "$(redlock show nightly --json | jq -r .token)" --yes`,
		Args:              one("name the lock"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if token == "" {
				return fmt.Errorf("--token: give that of the lock to break; redlock show %s tells it", args[0])
			}
			if !yes && !cli.IsTerminal(cmd.InOrStdin()) {
				return errors.New("break asks first, but standard input is no terminal; give --yes if you are sure")
			}
			if !yes {
				if sure, err := f.ask(cmd, args[0], token); err != nil || !sure {
					return err
				}
			}
			return f.breakLock(cmd, args[0], token)
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&token, "token", "", "break the lock with this `TOKEN` only")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	if err := cmd.RegisterFlagCompletionFunc("token", cobra.NoFileCompletions); err != nil {
		panic(err) // the flag is misspelt above
	}
	return cmd
}

// ask shows the lock and asks whether to break it.
func (f *lookFlags) ask(cmd *cobra.Command, name, token string) (sure bool, err error) {
	voters, err := f.open()
	if err != nil {
		return false, err
	}
	defer voters.Close()
	errOut := cmd.ErrOrStderr()
	l, err := voters.Look(cmd.Context(), name)
	if err != nil {
		return false, err
	}
	if err := writeLock(errOut, l); err != nil {
		return false, err
	}
	_, _ = fmt.Fprintf(errOut, "\nIts holder isn't stopped by this. Break the lock %s with token %s? [y/N] ", text(name), text(token))
	answer, err := readLine(cmd.Context(), cmd.InOrStdin())
	if err != nil {
		return false, &cli.Failure{Status: statusSignal + 2, Err: fmt.Errorf("interrupted, nothing was broken: %w", err)}
	}
	if answer = strings.ToLower(answer); answer == "y" || answer == "yes" {
		return true, nil
	}
	return false, &cli.Failure{Status: statusRefused, Err: errors.New("nothing was broken")}
}

// readLine reads a line; its end or that of the context ends it. The reading itself ends with the program.
func readLine(ctx context.Context, r io.Reader) (string, error) {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(r).ReadString('\n') // nothing is no
		line <- strings.TrimSpace(text)
	}()
	select {
	case text := <-line:
		return text, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// broken is the JSON form of what break did.
type broken struct {
	Name   string `json:"name"`
	Token  string `json:"token"`
	Broken bool   `json:"broken"`
}

func (f *lookFlags) breakLock(cmd *cobra.Command, name, token string) (err error) {
	urls, err := f.urls()
	if err != nil {
		return err
	}
	// The locker takes no lock. The TTL only has to be longer than the time-out.
	locker, err := redlock.Dial(cmd.Context(), urls, redlock.Lazy(), redlock.WithNodeTimeout(f.timeout), redlock.WithTTL(2*f.timeout+10*time.Millisecond))
	if err != nil {
		return err
	}
	defer func() { _ = locker.Close() }() // sends what waits for servers that don't answer
	err = locker.Break(cmd.Context(), name, token)
	switch {
	case errors.Is(err, redlock.ErrLost):
		err = &cli.Failure{Status: statusRefused, Err: fmt.Errorf("nothing was broken, since no server has a lock on %q with token %s; redlock show tells who has it", name, text(token))}
	case errors.Is(err, redlock.ErrNoQuorum):
		return &cli.Failure{Status: statusNoQuorum, Err: err}
	case err != nil:
		return err
	}
	if f.json {
		return errors.Join(err, cli.WriteJSON(cmd.OutOrStdout(), broken{name, token, err == nil}))
	}
	if err == nil {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: broken\n", text(name))
	}
	return err
}
