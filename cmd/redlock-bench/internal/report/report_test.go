package report

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outcome makes up what became of an experiment.
func outcome(t *testing.T, scenarioName, subjectName string, j check.Judgement, err error) *experiment.Outcome {
	s, findErr := scenario.Find(scenarioName)
	require.NoError(t, findErr)
	sub, findErr := subject.Find(subjectName)
	require.NoError(t, findErr)
	if j.Availability == "" {
		j.Availability = check.None
	}
	return &experiment.Outcome{
		Spec: experiment.Spec{Scenario: s, Subject: sub}, Expected: s.Expect(sub),
		Judgement: j, Err: err, Evidence: []string{"+1ms: something was seen"},
	}
}

func example(t *testing.T) *Report {
	held := check.Judgement{Exclusion: check.Held, Fencing: check.None, Acquired: 30, Refused: 7}
	overlap := check.Judgement{
		Exclusion: check.Violated, Fencing: check.None, Overlap: 812345678 * time.Nanosecond,
		Acquired: 2, StaleAccepted: 1, Lost: 1, Findings: []string{"+2ms: two believed"},
	}
	unknown := check.Judgement{Exclusion: check.Unknown, Fencing: check.Unknown}
	fenced := check.Judgement{Exclusion: check.Held, Fencing: check.Held, Acquired: 2, StaleAccepted: 1, StaleRefused: 1, Lost: 1}
	refused := check.Judgement{Exclusion: check.Held, Fencing: check.None, Availability: check.Violated}
	granted := check.Judgement{Exclusion: check.Held, Fencing: check.Held, Availability: check.Held}
	waited := check.Judgement{Exclusion: check.Held, Fencing: check.Held, Acquired: 2, Refused: 9, Unavailable: 99123 * time.Microsecond}
	haunted := check.Judgement{Exclusion: check.Held, Fencing: check.None, Availability: check.Violated, Refused: 80, Unavailable: 1200 * time.Millisecond, Ghosts: 5}
	return New("embedded", 5, 7, []*experiment.Outcome{
		outcome(t, "control", "classic", held, nil),
		outcome(t, "control", "guarded", overlap, nil),
		outcome(t, "clock-jump", "classic", overlap, nil),
		outcome(t, "clock-jump", "guarded", unknown, errors.New("no compiler")),
		outcome(t, "pause-after-check", "guarded", fenced, nil),
		outcome(t, "orphan", "classic", refused, nil),
		outcome(t, "orphan", "guarded", granted, nil),
		outcome(t, "flushall", "guarded", waited, nil),
		outcome(t, "ghost-request", "classic", haunted, nil),
		outcome(t, "suspend", "redsync", check.Judgement{Exclusion: check.None, Fencing: check.None}, lab.ErrNotApplicable),
	})
}

// golden compares text with a file.
func golden(t *testing.T, file string, got []byte) {
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestJUnit(t *testing.T) {
	var out bytes.Buffer
	r := example(t)
	r.Results[0].elapsed = 1500 * time.Millisecond
	require.NoError(t, r.WriteJUnit(&out))
	golden(t, "testdata/junit.xml", out.Bytes())
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example(t).WriteJSON(&out))
	golden(t, "testdata/report.json", out.Bytes())
}

func TestEmptyReportHasLists(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, New("redis", 3, 1, nil).WriteJSON(&out))
	assert.JSONEq(t, `{"kind":"run","version":1,"backend":"redis","nodes":3,"seed":1,"results":[]}`, out.String())
}

func TestTables(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example(t).WriteTables(&out, false, 0))
	golden(t, "testdata/tables.txt", out.Bytes())
	assert.NotContains(t, out.String(), "\x1b")
}

func TestSummary(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example(t).WriteSummary(&out, false, 0))
	golden(t, "testdata/summary.txt", out.Bytes())
	assert.NotContains(t, out.String(), "\x1b")
}

// The whole matrix, all as expected, fits on a screen.
func TestSummaryOfEverythingTakesALineEach(t *testing.T) {
	var outcomes []*experiment.Outcome
	for _, s := range scenario.All() {
		for _, sub := range slices.Concat(subject.All(), subject.Peers()) {
			e := s.Expect(sub)
			j := check.Judgement{Exclusion: e.Exclusion, Fencing: e.Fencing, Availability: e.Availability, Overlap: 812 * time.Millisecond}
			if e.StaleWrites {
				j.StaleAccepted, j.StaleRefused = 1, 1
			}
			if e.LostUpdates {
				j.Lost = 1
			}
			outcomes = append(outcomes, outcome(t, s.Name, sub.Name, j, nil))
		}
	}
	var out bytes.Buffer
	require.NoError(t, New("redis", 5, 1, outcomes).WriteSummary(&out, false, 0))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	assert.LessOrEqual(t, len(lines), len(scenario.All())+20, "a line for each, and what explains them")
}

func TestColour(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example(t).WriteTables(&out, true, 0))
	assert.Contains(t, out.String(), "\x1b[31m812 ms", "red")
	assert.Contains(t, out.String(), "\x1b[32mheld", "green")
}

func TestUnexpected(t *testing.T) {
	var names []string
	for _, r := range example(t).Unexpected() {
		names = append(names, r.Scenario+" "+r.Subject)
	}
	assert.Equal(t, []string{"control guarded", "clock-jump guarded"}, names)
}

// full is a file that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrors(t *testing.T) {
	assert.ErrorContains(t, example(t).WriteJSON(full{}), "disk full")
	assert.ErrorContains(t, example(t).WriteTables(full{}, false, 0), "disk full")
	assert.ErrorContains(t, example(t).WriteSummary(full{}, false, 0), "disk full")
}

// TestSummaryFitsTheTerminal has all scenarios and subjects on terminals of all widths.
func TestSummaryFitsTheTerminal(t *testing.T) {
	var outcomes []*experiment.Outcome
	for _, s := range scenario.All() {
		for _, sub := range slices.Concat(subject.All(), subject.Peers()) {
			outcomes = append(outcomes, outcome(t, s.Name, sub.Name, check.Judgement{Exclusion: check.Violated, Overlap: 1812 * time.Millisecond}, nil))
		}
	}
	for _, width := range []int{40, 60, 80, 120} {
		for _, write := range []func(*Report, io.Writer, bool, int) error{(*Report).WriteSummary, (*Report).WriteTables} {
			var out bytes.Buffer
			require.NoError(t, write(New("redis", 5, 1, outcomes), &out, false, width))
			for line := range strings.Lines(out.String()) {
				assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), width, line)
			}
			assert.GreaterOrEqual(t, strings.Count(out.String(), "\nasymmetric-partition  "), 1, "no name is broken")
		}
	}
}

// TestNothingLooksLikeMoreThanItIs has the cells in which a lock held, and something else was wrong.
func TestNothingLooksLikeMoreThanItIs(t *testing.T) {
	for want, r := range map[string]Result{
		"held":           {Exclusion: check.Held, Fencing: check.Held, Availability: check.Held},
		"stale":          {Exclusion: check.Held, Fencing: check.None, StaleWritesAccepted: 1},
		"fenced":         {Exclusion: check.Held, Fencing: check.Held, StaleWritesAccepted: 1},
		"stale, refused": {Exclusion: check.Held, Fencing: check.None, StaleWritesAccepted: 1, Availability: check.Violated},
		"unknown":        {Exclusion: check.Held, Fencing: check.Held, Availability: check.Unknown},
		"held, tokens":   {Exclusion: check.Held, Fencing: check.Violated},
		"980 ms, tokens": {Exclusion: check.Violated, OverlapMS: 980, Fencing: check.Violated},
		"violated":       {Exclusion: check.Violated, Fencing: check.None},
	} {
		assert.Equal(t, want, summaryCell(r).text)
	}
}
