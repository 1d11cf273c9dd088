package cli

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// IsTerminal tells whether somebody is at the other end of a reader or writer.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// InColour tells whether w takes colours: https://no-color.org, and terminals that can't.
func InColour(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
