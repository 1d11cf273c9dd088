package redlocktest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseCommand(t *testing.T) {
	for _, tc := range []struct {
		name, in   string
		args       []string
		rest       string
		incomplete bool
		err        bool
	}{
		{name: "one", in: "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", args: []string{"GET", "k"}},
		{name: "the first of two", in: ping + ping, args: []string{"PING"}, rest: ping},
		{name: "empty argument", in: "*1\r\n$0\r\n\r\n", args: []string{""}},
		{name: "line ends in an argument", in: "*1\r\n$4\r\n\r\n\r\n\r\n", args: []string{"\r\n\r\n"}},
		{name: "no arguments", in: "*0\r\n", args: []string{}},
		{name: "nothing", in: "", incomplete: true},
		{name: "half a length", in: "*1", incomplete: true},
		{name: "half a line end", in: "*1\r\n$4\r\nPING\r", incomplete: true},
		{name: "inline command", in: "PING\r\n", err: true},
		{name: "not a bulk string", in: "*1\r\n:1\r\n", err: true},
		{name: "negative", in: "*-1\r\n", err: true},
		{name: "not a number", in: "*x\r\n", err: true},
		{name: "too many", in: "*1048577\r\n", err: true},
		{name: "too large", in: "*1\r\n$536870913\r\n", err: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args, rest, ok, err := parseCommand([]byte(tc.in))
			assert.Equal(t, tc.err, err != nil)
			assert.Equal(t, tc.incomplete || tc.err, !ok)
			if ok {
				assert.Equal(t, tc.args, args)
				assert.Equal(t, tc.rest, string(rest))
			} else {
				assert.Equal(t, tc.in, string(rest), "nothing has been taken")
			}
		})
	}
}

// FuzzParseCommand checks that a command survives being written out, and that a prefix of a
// command is never mistaken for a whole one.
func FuzzParseCommand(f *testing.F) {
	f.Add("SET", "k", "v\r\n$1", 9)
	f.Add("", "", "", 0)
	f.Fuzz(func(t *testing.T, a, b, c string, cut int) {
		var in strings.Builder
		want := []string{a, b, c}
		fmt.Fprintf(&in, "*%d\r\n", len(want))
		for _, arg := range want {
			fmt.Fprintf(&in, "$%d\r\n%s\r\n", len(arg), arg)
		}
		args, rest, ok, err := parseCommand([]byte(in.String() + "tail"))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, args)
		require.Equal(t, "tail", string(rest))

		prefix := in.String()[:(cut%in.Len()+in.Len())%in.Len()]
		_, rest, ok, err = parseCommand([]byte(prefix))
		require.NoError(t, err)
		require.False(t, ok)
		require.Equal(t, prefix, string(rest))
	})
}

func TestIsHandshake(t *testing.T) {
	assert.True(t, isHandshake([]byte("*2\r\n$5\r\nhello\r\n$1\r\n3\r\n")))
	assert.True(t, isHandshake([]byte("*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n"+ping)))
	assert.False(t, isHandshake([]byte(ping)))
	assert.False(t, isHandshake([]byte("*0\r\n")))
	assert.False(t, isHandshake([]byte("HELLO\r\n")))
}
