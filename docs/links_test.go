package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
)

// anchors are the ends of links to a page's headings, as GitHub makes them.
func anchors(page string) map[string]bool {
	all := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		a := strings.ToLower(strings.TrimSpace(m[1]))
		a = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(a, "$1")
		a = regexp.MustCompile(`[^\p{L}\p{N}\- _]`).ReplaceAllString(a, "")
		all[strings.ReplaceAll(a, " ", "-")] = true
	}
	return all
}

// Every link in the documents leads to a file of the module, and to a heading in it. Links to elsewhere aren't followed.
func TestLinks(t *testing.T) {
	for _, file := range documents(t) {
		text := read(t, file)
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if to != "" {
				target = path.Join(path.Dir(file), to)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); !assert.NoError(t, err, "%s: %s", file, m[1]) {
				continue
			}
			if anchor != "" && strings.HasSuffix(target, ".md") {
				assert.True(t, anchors(read(t, target))[anchor], "%s: %s has no such heading", file, m[1])
			}
		}
	}
}

// Who looks for a page finds it from the index.
func TestIndex(t *testing.T) {
	index := read(t, "docs/README.md")
	for _, file := range documents(t) {
		page := strings.TrimPrefix(file, "docs/")
		if strings.HasPrefix(file, "docs/") && page != "README.md" && !strings.HasPrefix(page, "decisions/") {
			assert.True(t, strings.Contains(index, "("+page+")"), "docs/README.md doesn't name %s", page)
		}
		if record, is := strings.CutPrefix(page, "decisions/"); is && record != "README.md" {
			assert.True(t, strings.Contains(read(t, "docs/decisions/README.md"), "("+record+")"), "docs/decisions/README.md doesn't name %s", record)
			for _, part := range []string{"**Context.**", "**Decision.**", "**Consequences.**"} {
				assert.True(t, strings.Contains(read(t, file), part), "%s has no %s", file, part)
			}
		}
	}
}
