package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds the memory that a peer gone mad can make us use.
const maxLine = 64 << 10

// ErrGarbage matches the errors about a line that isn't in the protocol.
var ErrGarbage = errors.New("protocol: not a line of the protocol")

// A Reader reads messages, one per line. It's for one goroutine.
type Reader struct{ lines *bufio.Scanner }

// NewReader returns a reader of the lines of r.
func NewReader(r io.Reader) *Reader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	return &Reader{lines}
}

// Next reads one line into message. It returns io.EOF at the end of the stream and an error
// matching [ErrGarbage] for a line that is too long, isn't JSON, or has an unknown field: a
// misspelt field would otherwise go unnoticed and be judged as if it weren't there.
func (r *Reader) Next(message any) error {
	if !r.lines.Scan() {
		switch err := r.lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return fmt.Errorf("%w: longer than %d bytes", ErrGarbage, maxLine)
		case err != nil:
			return err
		}
		return io.EOF
	}
	decoder := json.NewDecoder(bytes.NewReader(r.lines.Bytes()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(message); err != nil {
		if _, reply := message.(*Reply); reply && isRequest(r.lines.Bytes()) {
			err = errors.New(`a request came back as if it were a reply; answer it with {"id":…,"ok":…}, see docs/worker-protocol.md`)
		}
		return fmt.Errorf("%w: %.80q: %w", ErrGarbage, r.lines.Text(), err)
	}
	if decoder.More() {
		return fmt.Errorf("%w: %.80q: more than one message on a line", ErrGarbage, r.lines.Text())
	}
	return nil
}

// isRequest tells whether a line is a request: a program that repeats its input isn't a worker.
func isRequest(line []byte) bool {
	var r Request
	return json.Unmarshal(line, &r) == nil && r.Op != ""
}

// WriteLine writes message as one line, in a single Write.
func WriteLine(w io.Writer, message any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("protocol: %w", err)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
