package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Output is where a command writes its results.
type Output struct {
	Text io.Writer
	JSON io.Writer // nil if no JSON is wanted
	file *os.File  // nil if JSON isn't a file of its own
}

// NewOutput obeys --json: a file, - for standard output, or nothing.
func NewOutput(json string, out, errOut io.Writer) (Output, error) {
	switch json {
	case "":
		return Output{Text: out}, nil
	case "-":
		return Output{Text: errOut, JSON: out}, nil
	}
	file, err := os.Create(json)
	if err != nil {
		return Output{}, fmt.Errorf("--json: %w", err)
	}
	return Output{Text: out, JSON: file, file: file}, nil
}

// FileFlag is a flag that names a file to write.
type FileFlag struct{ Flag, File string }

// CheckFiles refuses two flags that name one file: what is written last would be all that's left of it.
func CheckFiles(flags ...FileFlag) error {
	first := make(map[string]FileFlag)
	for _, f := range flags {
		if f.File == "" || f.File == "-" {
			continue
		}
		path, err := filepath.Abs(f.File)
		if err != nil {
			return err
		}
		if other, twice := first[path]; twice {
			return fmt.Errorf("%s and %s are one file, %s; give each its own", other.Flag, f.Flag, other.File)
		}
		first[path] = f
	}
	return nil
}

// Close closes the file, if there's one, and adds what goes wrong to the command's error.
func (o Output) Close(err *error) {
	if o.file != nil {
		*err = errors.Join(*err, o.file.Close())
	}
}

// WriteJSON writes a value as indented JSON.
func WriteJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
