package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
)

// The exit statuses that scripts can rely on. The doctor's are among them.
const (
	statusUnexpected  = 1               // a verdict isn't as expected
	statusUsage       = cli.StatusUsage // the command line makes no sense
	statusEnvironment = 3               // something is missing on this machine
	statusInterrupted = 130             // ended by a signal, as shells report SIGINT
)

// statusError is an error that asks for an exit status. Errors without one come from the parsing
// of the command line.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string   { return e.err.Error() }
func (e *statusError) Unwrap() error   { return e.err }
func (e *statusError) ExitStatus() int { return e.status }

// exitStatus prints the error of a command, if any, and returns the exit status for it.
func exitStatus(w io.Writer, cmd *cobra.Command, err error) int { return cli.Exit(w, cmd, err) }
