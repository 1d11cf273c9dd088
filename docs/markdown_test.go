// Package docs_test holds the documents to what they say: it compiles and runs what they print.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's directory, seen from this package's.
const root = ".."

// block is a piece of code that a document prints between fences.
type block struct {
	file     string // relative to the module
	line     int    // of the first line of code
	language string
	code     string
	// notes are the comments right before the block, which readers of the page don't see: "given: CODE", for one.
	notes []string
}

// note returns what the notes with this key say.
func (b block) note(key string) (texts []string) {
	for _, n := range b.notes {
		if text, is := strings.CutPrefix(n, key+":"); is {
			texts = append(texts, strings.TrimSpace(text))
		}
	}
	return texts
}

// documents are the README and all pages of this directory, by their paths in the module.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	decisions, err := filepath.Glob("decisions/*.md")
	require.NoError(t, err)
	files := []string{"README.md"}
	for _, p := range append(pages, decisions...) {
		files = append(files, "docs/"+filepath.ToSlash(p))
	}
	require.Greater(t, len(files), 10)
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	require.NoError(t, err)
	return string(text)
}

var hidden = regexp.MustCompile(`(?s)<!--(.*?)-->`)

// blocks returns the code of a document in the given language.
func blocks(t *testing.T, file, language string) (all []block) {
	t.Helper()
	var b *block
	var before strings.Builder
	n := 0
	for line := range strings.Lines(read(t, file)) {
		n++
		text := strings.TrimRight(line, "\n")
		fence, is := strings.CutPrefix(text, "```")
		switch {
		case is && b == nil:
			b = &block{file: file, line: n + 1, language: fence}
			for _, m := range hidden.FindAllStringSubmatch(before.String(), -1) {
				b.notes = append(b.notes, strings.TrimSpace(m[1]))
			}
		case is:
			if b.language == language {
				all = append(all, *b)
			}
			b = nil
			before.Reset()
		case b != nil:
			b.code += line
		case strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#"):
			// between a note and its block
		case strings.HasPrefix(text, "<!--") || unfinished(before.String()):
			before.WriteString(line)
		default:
			before.Reset()
		}
	}
	require.Nil(t, b, "%s: a block has no end", file)
	return all
}

// unfinished reports whether a comment has begun and not ended.
func unfinished(s string) bool {
	return strings.LastIndex(s, "<!--") > strings.LastIndex(s, "-->")
}
