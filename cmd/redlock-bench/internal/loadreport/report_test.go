package loadreport

import (
	"flag"
	"html/template"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestText(t *testing.T) {
	var b strings.Builder
	require.NoError(t, WriteText(&b, exampleRun()))
	b.WriteString("---\n")
	require.NoError(t, WriteText(&b, exampleSweep()))
	b.WriteString("---\n")
	require.NoError(t, WriteMarkdown(&b, exampleRun()))
	if *update {
		require.NoError(t, os.WriteFile("testdata/tables.txt", []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile("testdata/tables.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

func written(t *testing.T, s *load.Series) string {
	var b strings.Builder
	require.NoError(t, WritePage(&b, s, time.Date(2025, 3, 4, 5, 6, 0, 0, time.UTC)))
	return b.String()
}

func TestPage(t *testing.T) {
	page := written(t, exampleRun())
	for _, want := range []string{
		"4 March 2025, 05:06 UTC", "redlock-bench v1", "redlock-bench load --rounds 2", "about guarded",
		"closed loop, 5 nodes, 4 goroutines", "<td>0.500 (0.250..0.750)</td>", "guarded, 2: 2000", "4 attempts failed: taken",
	} {
		assert.True(t, strings.Contains(page, want), want)
	}
	assert.Equal(t, 2, strings.Count(page, "<svg"), "acquisitions and rounds; there's nothing else to draw")
	assert.Equal(t, 1, strings.Count(written(t, exampleSweep()), "<svg"), "what grows")
}

// TestNeedsNoNetwork looks for anything that a browser would fetch.
func TestNeedsNoNetwork(t *testing.T) {
	page := written(t, exampleRun())
	for _, fetches := range []string{`<link[^>]+href="[^"]`, `\ssrc=`, `@import`, `url\(`, `<script`} {
		for _, found := range regexp.MustCompile(fetches).FindAllString(page, -1) {
			assert.Equal(t, `<link rel="icon" href="d`, found, "the empty icon keeps browsers from asking for one")
		}
	}
}

func TestEscapes(t *testing.T) {
	const attack = `</pre><script>alert(1)</script>`
	s := exampleRun()
	s.Command = attack
	s.Runs[0].Subjects[1].Name = attack
	s.Runs[0].Subjects[1].Rounds[0].Failed[attack] = 1
	page := written(t, s)
	assert.False(t, strings.Contains(page, attack))
	assert.True(t, strings.Contains(page, template.HTMLEscapeString(attack)))
}

// Whatever was measured stays within its picture.
func TestCurvesStayInside(t *testing.T) {
	number := regexp.MustCompile(`-?[0-9.]+(?:e[+-][0-9]+)?|NaN|Inf`)
	for name, values := range map[string][]float64{
		"one": {1}, "equal": {7, 7, 7}, "decades": {0.001, 1, 1e6}, "near": {99, 101}, "ten": {10, 100},
	} {
		for _, log := range []bool{false, true} {
			c := curve{name: name}
			for i, v := range values {
				c.points = append(c.points, point{float64(i), v})
			}
			drawn := draw(name, axis{"x", scale{low: 0, high: 3}, nil, short}, log, []curve{c})
			assert.NotEmpty(t, drawn.YTicks)
			var at []string
			at = append(at, number.FindAllString(drawn.Lines[0].Path, -1)...)
			require.Len(t, at, 2*len(values), drawn.Lines[0].Path)
			for _, tick := range drawn.YTicks {
				assert.True(t, tick.At >= top && tick.At <= height-bottom, "%s: tick at %v", name, tick.At)
			}
			for _, p := range drawn.Lines[0].Dots {
				assert.False(t, math.IsNaN(p.X+p.Y))
			}
			assert.NotContains(t, drawn.Lines[0].Path, "NaN")
			assert.NotContains(t, drawn.Lines[0].Path, "-", "outside")
		}
	}
}

func TestNiceStep(t *testing.T) {
	for high, want := range map[float64]float64{0: 1, 1: 0.2, 5: 1, 7: 2, 26: 10, 45000: 10000, 99: 20} {
		assert.InDelta(t, want, niceStep(high), 1e-9, "%v", high)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.25: "0.25", 3: "3", 12.5: "12.5", 100: "100", 1500: "1500", 12000: "12k", 2.5e6: "2.5M"} {
		assert.Equal(t, want, short(v))
	}
}
