package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cells returns those of a table's row.
func cells(row string) (all []string) {
	for c := range strings.SplitSeq(strings.Trim(strings.TrimSpace(row), "|"), "|") {
		all = append(all, strings.TrimSpace(c))
	}
	return all
}

// The verdicts of the comparison are those that the experiments are held to.
func TestComparison(t *testing.T) {
	experiments := read(t, "docs/experiments.md")
	row := regexp.MustCompile("(?m)^\\| [^|]+ \\| (held|violated) \\| (held|violated) \\| (held|violated) \\| (held|violated) \\| `([a-z-]+)` \\|$")
	found := row.FindAllStringSubmatch(read(t, "docs/comparison.md"), -1)
	require.Greater(t, len(found), 8)
	for _, m := range found {
		_, chapter, is := strings.Cut(experiments, "\n### "+m[5]+"\n")
		require.True(t, is, m[5])
		chapter, _, _ = strings.Cut(chapter, "\n### ")
		head, verdicts := regexp.MustCompile(`(?m)^\| +\| naive .*$`).FindString(chapter), regexp.MustCompile(`(?m)^\| exclusion .*$`).FindString(chapter)
		want := make(map[string]string)
		for i, subject := range cells(head) {
			want[subject] = cells(verdicts)[i]
		}
		for i, subject := range []string{"guarded", "redsync", "rueidislock", "bsm"} {
			assert.Equal(t, want[subject], m[i+1], "%s under %s", m[5], subject)
		}
	}
}
