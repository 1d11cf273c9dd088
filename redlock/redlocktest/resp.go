package redlocktest

import (
	"bytes"
	"errors"
	"strconv"
)

// Redis's own limits on what a client may send in one command.
const (
	maxArgs    = 1024 * 1024
	maxArgSize = 512 << 20
)

var errProtocol = errors.New("redlocktest: not a RESP array of bulk strings")

// parseCommand takes the first command off b and returns what follows it. When b ends within
// a command, ok is false and nothing has been taken.
//
// Only arrays of bulk strings are understood, which is what every client library sends;
// inline commands are for telnet.
func parseCommand(b []byte) (args []string, rest []byte, ok bool, err error) {
	n, rest, ok, err := parseLength(b, '*', maxArgs)
	if !ok || err != nil {
		return nil, b, false, err
	}
	args = make([]string, 0, min(n, 64))
	for range n {
		var size int
		size, rest, ok, err = parseLength(rest, '$', maxArgSize)
		if !ok || err != nil {
			return nil, b, false, err
		}
		if len(rest) < size+2 {
			return nil, b, false, nil
		}
		args = append(args, string(rest[:size]))
		rest = rest[size+2:]
	}
	return args, rest, true, nil
}

// incomplete tells whether b ends in the middle of a command.
func incomplete(b []byte) bool {
	for len(b) > 0 {
		_, rest, ok, err := parseCommand(b)
		if err != nil {
			return false // the node will say so
		}
		if !ok {
			return true
		}
		b = rest
	}
	return false
}

// parseLength reads a line such as "*3\r\n".
func parseLength(b []byte, kind byte, limit int) (n int, rest []byte, ok bool, err error) {
	if len(b) > 0 && b[0] != kind {
		return 0, nil, false, errProtocol
	}
	line, rest, found := bytes.Cut(b, []byte("\r\n"))
	if !found {
		return 0, nil, false, nil
	}
	n, err = strconv.Atoi(string(line[1:]))
	if err != nil || n < 0 || n > limit {
		return 0, nil, false, errProtocol
	}
	return n, rest, true, nil
}
