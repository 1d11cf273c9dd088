package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// StatusUsage is the exit status where the command line makes no sense, or names a file that can't be used.
const StatusUsage = 2

// Failure is an error that asks for an exit status. Without an Err the status says it all.
type Failure struct {
	Status int
	Err    error
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("exit status %d", f.Status)
	}
	return f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// ExitStatus is what [Exit] asks an error for.
func (f *Failure) ExitStatus() int { return f.Status }

// statusError is what asks for an exit status. Errors that don't come from the parsing of the command line.
type statusError interface {
	error
	ExitStatus() int
}

// Exit prints the error of a command, if any, and returns the exit status for it. It points to the command's
// help where that explains the error: not where a file or a program can't be used.
func Exit(w io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return 0
	}
	if f, silent := err.(*Failure); silent && f.Err == nil {
		return f.Status
	}
	// The library begins its errors with its own name, too.
	_, _ = fmt.Fprintf(w, "%s: %s\n", cmd.Root().Name(), strings.TrimPrefix(Redact(plain(err.Error())), "redlock: "))
	if s, asks := errors.AsType[statusError](err); asks {
		return s.ExitStatus()
	}
	if HelpExplains(err) {
		_, _ = fmt.Fprintf(w, "See %s --help.\n", cmd.CommandPath())
	}
	return StatusUsage
}

// exclusive is what cobra says of two flags that exclude each other.
var exclusive = regexp.MustCompile(`(?m)^if any flags in the group \[(\S+) (\S+)\] are set none of the others can be; .*$`)

// plain says what cobra says in other words, where those are hard to read.
func plain(text string) string {
	return exclusive.ReplaceAllString(text, "--$1 and --$2: give one of them, not both")
}

// HelpExplains tells whether the help of a command says more about an error: not where a file or a program can't be used.
func HelpExplains(err error) bool {
	_, file := errors.AsType[*fs.PathError](err)
	_, program := errors.AsType[*exec.Error](err)
	return !file && !program
}

// userInfo is what may be a password: all up to the last @ of a word with a URL in it.
var userInfo = regexp.MustCompile(`(\w://)\S*@`)

// Redact takes users and passwords out of a text's URLs. The parser of flags repeats what it can't read,
// and a URL may have been given in the wrong place.
func Redact(text string) string {
	return userInfo.ReplaceAllStringFunc(text, func(found string) string {
		scheme, user, _ := strings.Cut(found, "://")
		if user == "[USER:PASSWORD@" {
			return found // as the help has it
		}
		return scheme + "://***@"
	})
}
