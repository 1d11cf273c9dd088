package nemesis

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// maxValue is how long a command or a reply may be that is told from the next. Those of locks have less
// than a kilobyte.
const maxValue = 1 << 20

// splitter tells the RESP values of a stream from each other: commands one way, replies the other. What isn't
// RESP, or is too long, passes as it comes from there on.
type splitter struct {
	rest   []byte // of a value that isn't complete yet
	opaque bool
}

// split returns the values that are complete now. They share memory with data unless they began before it.
func (s *splitter) split(data []byte) [][]byte {
	if s.opaque {
		return [][]byte{data}
	}
	if len(s.rest) > 0 {
		data = append(s.rest, data...)
		s.rest = nil
	}
	var values [][]byte
	for len(data) > 0 {
		n := valueLen(data)
		if n < 0 || n == 0 && len(data) > maxValue {
			s.opaque = true
			return append(values, data)
		}
		if n == 0 {
			s.rest = slices.Clone(data)
			break
		}
		values = append(values, data[:n])
		data = data[n:]
	}
	return values
}

// flush returns what is left of a stream that has ended.
func (s *splitter) flush() []byte {
	rest := s.rest
	s.rest = nil
	return rest
}

// valueLen is how many bytes the first value takes: 0 if it isn't complete, -1 if it's no RESP of version 2 or 3.
func valueLen(b []byte) int {
	at := 0
	for todo := 1; todo > 0; todo-- {
		if at >= len(b) {
			return 0
		}
		kind := b[at]
		if strings.IndexByte("+-:_#,($!=*~>%|", kind) < 0 {
			return -1
		}
		line := bytes.IndexByte(b[at:], '\n')
		if line < 0 {
			return 0
		}
		head := string(bytes.TrimSuffix(b[at+1:at+line], []byte("\r")))
		at += line + 1
		if strings.IndexByte("+-:_#,(", kind) >= 0 {
			continue
		}
		n, err := strconv.Atoi(head)
		if err != nil || n > maxValue {
			return -1
		}
		n = max(n, 0) // below 0 is nothing, as 0 is but for the end of a string
		switch kind {
		case '$', '!', '=':
			if head[0] != '-' {
				at += n + len("\r\n")
			}
		case '%':
			todo += 2 * n
		case '|': // attributes come before their value
			todo += 2*n + 1
		default:
			todo += n
		}
	}
	if at > len(b) {
		return 0
	}
	return at
}

// isPush tells whether a value answers no command.
func isPush(value []byte) bool { return value[0] == '>' }

// commandName is the name of a command in capitals; "" if the value is none.
func commandName(value []byte) string {
	parts := bytes.SplitN(value, []byte("\r\n"), 4)
	if len(parts) < 4 || value[0] != '*' || len(parts[1]) == 0 || parts[1][0] != '$' {
		return ""
	}
	return strings.ToUpper(string(parts[2]))
}

// repeatable are the commands that mean the same on any connection, whatever came before them on it.
var repeatable = []string{
	"SET", "SETNX", "GET", "DEL", "UNLINK", "EXPIRE", "PEXPIRE", "EVAL", "EVALSHA", "FCALL", "PING", "ECHO", "PUBLISH",
	"HSET", "HGET", "HDEL", "INCR", "ZADD", "ZREM", "SADD", "SREM", "RPUSH", "LPUSH", "LREM", "LPOP", "RPOP",
}

// binding are the commands after which replies no longer answer commands one by one.
var binding = []string{"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "QUIT", "RESET", "PSYNC", "SYNC"}
