package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWrap(t *testing.T) {
	assert.Equal(t, "one two\n  three\n  four", Wrap("one two three four", 9, 2))
	assert.Equal(t, "a\nhttps://long.example/word\nb", Wrap("a https://long.example/word b", 10, 0), "no word is broken")
	assert.Equal(t, strings.TrimSpace(strings.Repeat("word ", 20))+"\nword", Wrap(strings.Repeat("word ", 21), 0, 0), "a width that reads well")
}

func TestColumns(t *testing.T) {
	header, rows := []string{"scenario", "guarded", "classic"}, [][]string{{"control", "held", "held"}, {"clock-jump", "\x1b[32mheld\x1b[0m", "812 ms"}}
	assert.Equal(t, "scenario    guarded  classic\n────────────────────────────\ncontrol     held     held\nclock-jump  \x1b[32mheld\x1b[0m     812 ms\n", Columns(0, header, rows))
	narrow := Columns(20, header, rows)
	assert.Equal(t, "scenario    guarded\n───────────────────\ncontrol     held\nclock-jump  \x1b[32mheld\x1b[0m\n\n"+
		"scenario    classic\n───────────────────\ncontrol     held\nclock-jump  812 ms\n", narrow)
	assert.Equal(t, narrow, Columns(1, header, rows), "one column at least")
	assert.Equal(t, "scenario\n────────\n", Columns(80, header[:1], nil))
}

func TestDefinitions(t *testing.T) {
	all := [][2]string{{"held", strings.TrimSpace(strings.Repeat("word ", 14))}, {"unknown", "who knows"}}
	assert.Equal(t, "  held     word word word word word word word word word word word word word\n           word\n  unknown  who knows\n", Definitions(76, 2, all))
	for _, width := range []int{40, 60, 80} {
		for line := range strings.Lines(Definitions(width, 2, all)) {
			assert.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), width)
		}
	}
}

func TestWidth(t *testing.T) {
	var b strings.Builder
	t.Setenv("COLUMNS", "")
	assert.Zero(t, Width(&b))
	t.Setenv("COLUMNS", "72")
	assert.Equal(t, 72, Width(&b))
	t.Setenv("COLUMNS", "3")
	assert.Equal(t, leastWidth, Width(&b))
}
