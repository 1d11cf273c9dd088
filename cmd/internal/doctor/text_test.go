package doctor

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

func example() *Report {
	rate := 12e-6
	slow := -9e-6
	return &Report{
		TTLMS: 10_000,
		Nodes: []Node{
			{Node: 1, URL: "redis://a:6379", Reached: true, Version: "7.0.15", Role: "master",
				Answers: &Answers{Count: 250, P50MS: 0.1, P90MS: 0.2, P99MS: 0.75, MaxMS: 12.3},
				Clock:   &Clock{OffsetLowMS: -0.1, OffsetHighMS: 0.15, RateLow: &slow, RateHigh: &rate}},
			{Node: 2, URL: "rediss://b:6379/1", Reached: true, Version: "7.0.15", Clock: &Clock{}},
			{Node: 3, URL: "redis://c:6379"},
		},
		Findings: []Finding{
			{Check: "reachable", Level: OK, Nodes: []int{1, 2}, Found: "answers"},
			{Check: "reachable", Level: Error, Nodes: []int{3}, Found: "connection refused", Change: "start the server"},
			{Check: "quorum", Level: OK, Nodes: []int{1, 2, 3}, Found: "3 nodes"},
			{Check: "persistence", Level: Note, Nodes: []int{1}, Found: strings.TrimSpace(strings.Repeat("a long sentence ", 9)),
				Change: strings.TrimSpace(strings.Repeat("a long advice ", 9))},
			{Check: "memory", Level: Warning, Nodes: []int{2}, Found: "full"},
		},
		Recommendations: []Recommendation{{Option: "redlock.WithTTL(10 * time.Second)", Value: "10s", Why: "as asked"}},
		Prefix:          "jobs:",
		ACL: []ACLRule{
			{Nodes: []int{1}, Rule: "ACL SETUSER locker ~jobs:* +get"},
			{Nodes: []int{2}, Rule: "ACL SETUSER other ~jobs:* +get"},
		},
		Unchecked: []string{"whether machines share power"},
	}
}

func TestText(t *testing.T) {
	var b strings.Builder
	require.NoError(t, example().WriteText(&b, 0, false))
	const file = "testdata/report.txt"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

// What isn't there to be copied fits a terminal of any width.
func TestTextFitsTheWidth(t *testing.T) {
	r := example()
	for range 9 {
		r.Findings[3].Change += " and more"
		r.Recommendations[0].Why += " and more"
		r.Unchecked[0] += " and more"
	}
	for _, width := range []int{40, 60, 80, 200} {
		var b strings.Builder
		require.NoError(t, r.WriteText(&b, width, false))
		longest := 0
		for line := range strings.Lines(b.String()) {
			longest = max(longest, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
		}
		assert.LessOrEqual(t, longest, width, b.String())
		assert.Greater(t, longest, width*3/4, "the width is used")
	}
}

// Before Redis 6.2 rules for channels are errors.
func TestRuleWhereTheVersionIsntKnown(t *testing.T) {
	r := example()
	r.ACL[1].Rule += " &jobs:*"
	for version, hint := range map[string]bool{"7.0.15": false, "": true} {
		r.Nodes[1].Version = version
		var b strings.Builder
		require.NoError(t, r.WriteText(&b, 0, false))
		assert.Equal(t, hint, strings.Contains(b.String(), "without the words that begin with &"), version)
	}
}

func TestTextInColour(t *testing.T) {
	var b strings.Builder
	require.NoError(t, example().WriteText(&b, 0, true))
	for _, code := range []string{"\x1b[31merror", "\x1b[33mwarning", "\x1b[36mnote", "\x1b[32mok"} {
		assert.Contains(t, b.String(), code)
	}
}

func TestSummary(t *testing.T) {
	r := &Report{Fit: true}
	assert.Equal(t, "0 errors, 0 warnings, 0 notes: no reason found why locks on these nodes wouldn't be safe.", r.summary())
	r.Interrupted = true
	assert.Contains(t, r.summary(), "(interrupted: watched for less than asked)")
	r = example()
	assert.Equal(t, "1 error, 1 warning, 1 note: not fit for locking as it is.", r.summary())
}

type fullDisk struct{}

var errFullDisk = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFullDisk }

func TestWriteErrorsAreTold(t *testing.T) {
	assert.ErrorIs(t, example().WriteText(fullDisk{}, 0, false), errFullDisk)
	assert.ErrorIs(t, example().WriteJSON(fullDisk{}), errFullDisk)
}
