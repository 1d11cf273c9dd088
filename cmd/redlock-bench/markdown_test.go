package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExperimentsPageIsUpToDate(t *testing.T) {
	page, err := os.ReadFile("../../docs/experiments.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "<!-- from here: redlock-bench list --markdown -->\n")
	require.True(t, found)
	chapter, _, found := strings.Cut(rest, "<!-- up to here -->\n")
	require.True(t, found)
	var want strings.Builder
	require.NoError(t, newCatalogue().writeMarkdown(&want))
	for _, s := range newCatalogue().Scenarios {
		picture, err := os.ReadFile("../../docs/img/" + s.Name + ".svg")
		require.NoError(t, err, "browsertest makes it")
		assert.Contains(t, string(picture), "Timeline of "+s.Name+"."+s.Picture)
	}
	assert.Equal(t, want.String(), chapter, "replace the chapter with what `redlock-bench list --markdown` prints")
}
