package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// output is where a command writes its results.
type output struct {
	text io.Writer
	json io.Writer // nil if no JSON is wanted
	file *os.File  // nil if json isn't a file of its own
}

// newOutput obeys --json: a file, - for standard output, or nothing.
func newOutput(json string, out, errOut io.Writer) (output, error) {
	switch json {
	case "":
		return output{text: out}, nil
	case "-":
		return output{text: errOut, json: out}, nil
	}
	file, err := os.Create(json)
	if err != nil {
		return output{}, fmt.Errorf("--json: %w", err)
	}
	return output{text: out, json: file, file: file}, nil
}

// close closes the file, if there's one, and adds what goes wrong to the command's error.
func (o output) close(err *error) {
	if o.file != nil {
		*err = errors.Join(*err, o.file.Close())
	}
}
