package main

import (
	"errors"
	"fmt"
	"io"
)

// The exit statuses that scripts can rely on.
const (
	statusUnexpected  = 1   // a verdict isn't as expected
	statusUsage       = 2   // the command line makes no sense
	statusEnvironment = 3   // something is missing on this machine
	statusInterrupted = 130 // ended by a signal, as shells report SIGINT
)

// statusError is an error that asks for an exit status. Errors without one come from the parsing
// of the command line.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// exitStatus prints the error, if any, and returns the exit status for it.
func exitStatus(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(w, "redlock-bench: %v\n", err)
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	_, _ = fmt.Fprintln(w, "See redlock-bench --help.")
	return statusUsage
}
