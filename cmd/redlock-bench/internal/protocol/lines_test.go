package protocol

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinesCarryMessages(t *testing.T) {
	var pipe bytes.Buffer
	sent := Request{ID: 7, Op: Acquire, Now: 123, Name: "job", TTL: 1000}
	require.NoError(t, WriteLine(&pipe, sent))
	require.NoError(t, WriteLine(&pipe, Request{ID: 8, Op: Exit}))
	assert.Equal(t, 2, strings.Count(pipe.String(), "\n"))

	r := NewReader(&pipe)
	var got Request
	require.NoError(t, r.Next(&got))
	assert.Equal(t, sent, got)
	got = Request{}
	require.NoError(t, r.Next(&got))
	assert.Equal(t, Exit, got.Op)
	assert.ErrorIs(t, r.Next(&got), io.EOF)
}

func TestReaderRefusesGarbage(t *testing.T) {
	for name, line := range map[string]string{
		"no JSON":          "hello\n",
		"empty line":       "\n",
		"wrong type":       `{"id":"one"}` + "\n",
		"misspelt field":   `{"id":1,"fense":3}` + "\n",
		"two messages":     `{"id":1}{"id":2}` + "\n",
		"cut off":          `{"id":1`,
		"longer than 64 K": strings.Repeat("x", maxLine+1) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			var reply Reply
			assert.ErrorIs(t, NewReader(strings.NewReader(line)).Next(&reply), ErrGarbage)
		})
	}
}

func TestReaderTakesLongestLine(t *testing.T) {
	var pipe bytes.Buffer
	require.NoError(t, WriteLine(&pipe, Reply{ID: 1, Error: strings.Repeat("x", maxLine-100)}))
	var reply Reply
	require.NoError(t, NewReader(&pipe).Next(&reply))
	assert.Len(t, reply.Error, maxLine-100)
}
