// Redlock runs commands under a distributed lock, for scripts and cron, and shows operators who holds which.
//
// "redlock exec NAME -- CMD" waits for the lock, runs the command while it's held, and ends the command before
// the lock could be another's.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9/logging"
	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/cmd/redlock/internal/group"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == group.GuardCommand {
		group.Guard(os.Stdin)
		return
	}
	log.SetFlags(0)   // the library's warnings go to cron's mails, which have a date
	logging.Disable() // go-redis would print what is reported anyway
	cmd, err := newRootCommand().ExecuteContextC(context.Background())
	os.Exit(exitStatus(cmd, err))
}

// exitStatus prints the error, if any, and returns the exit status for it.
func exitStatus(cmd *cobra.Command, err error) int {
	var asks interface{ ExitStatus() int }
	if err != nil && cmd.Name() == execName && !errors.As(err, &asks) {
		// 2 is what many commands exit with themselves.
		said := err.Error()
		if cli.HelpExplains(err) {
			said += "\nSee redlock exec --help."
		}
		err = &cli.Failure{Status: statusOwn, Err: errors.New(said)}
	}
	return cli.Exit(advised{cmd}, cmd, err)
}

// advised is a command's standard error, where the library's remedies become the command's.
type advised struct{ cmd *cobra.Command }

func (a advised) Write(text []byte) (int, error) {
	_, err := io.WriteString(a.cmd.ErrOrStderr(), remedies(string(text), a.cmd.Flags().Lookup("timeout") != nil))
	return len(text), err
}

// interruptible lets a signal end the context of a command. A signal that was ignored stays so.
func interruptible(cmd *cobra.Command, _ []string) {
	if cmd.Name() == execName {
		return // it passes signals on
	}
	var signals []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	if len(signals) == 0 {
		return
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), signals...)
	context.AfterFunc(ctx, stop) // a second one ends the process
	cmd.SetContext(ctx)
}
