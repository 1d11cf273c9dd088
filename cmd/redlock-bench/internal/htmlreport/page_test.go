package htmlreport

import (
	"bytes"
	"errors"
	"html/template"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

func written(t *testing.T, r Run) string {
	var out bytes.Buffer
	require.NoError(t, r.Write(&out))
	return out.String()
}

func TestPage(t *testing.T) {
	page := written(t, exampleRun(t))
	for _, want := range []string{
		"classic let two clients hold the lock at once in 1 of 1 scenario; guarded, this library’s lock, in 1 of 2.",
		"2 of 3 experiments did not end as expected; the tables mark them.",
		"A violation of mutual exclusion was found in 2 of 3 experiments. 1 could not be decided.",
		"redlock-bench run --seed 7", "repeat clock-jump classic", "redlock-bench v1", "4 March 2025, 05:06 UTC",
		`id="clock-jump.classic"`, `href="#clock-jump.guarded"`, "expected held", "looked up every 10ms",
		"The experiment didn’t come off: i/o timeout",
	} {
		assert.True(t, strings.Contains(page, want), want)
	}
	assert.Equal(t, 3, strings.Count(page, `type="application/json"`), "a timeline for each history, and the one that the page opens on")
}

// TestNeedsNoNetwork looks for anything that a browser would fetch.
func TestNeedsNoNetwork(t *testing.T) {
	page := written(t, exampleRun(t))
	for _, fetches := range []string{`<link[^>]+href="[^"]`, `\ssrc=`, `@import`, `url\(\s*['"]?[a-z]+:`, `\bfetch\(`, `import\(`, `XMLHttpRequest`} {
		for _, found := range regexp.MustCompile(fetches).FindAllString(page, -1) {
			assert.Equal(t, `<link rel="icon" href="d`, found, "the empty icon keeps browsers from asking for one")
		}
	}
}

func TestEscapes(t *testing.T) {
	const attack = `</script><script>alert(1)</script>`
	r := exampleRun(t)
	r.Command = attack
	h := r.Outcomes[1].History
	h.Operations[1].Error, h.Notes[0].What, h.Keys[0].Value = attack, attack, attack
	page := written(t, r)
	assert.False(t, strings.Contains(page, attack))
	assert.True(t, strings.Contains(page, template.HTMLEscapeString(attack)))
}

func TestRunWithoutExperiments(t *testing.T) {
	r := exampleRun(t)
	r.Outcomes, r.Report = nil, report.New("embedded", 3, 7, nil)
	assert.True(t, strings.Contains(written(t, r), "No experiment was performed."))
}

// full is a disk that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	err := exampleRun(t).Write(full{})
	assert.ErrorContains(t, err, "htmlreport: ")
	assert.ErrorContains(t, err, "disk full")
}
