package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDocumentedLoads checks the command lines of docs/performance.md, but runs none of them.
func TestDocumentedLoads(t *testing.T) {
	page, err := os.ReadFile("../../docs/performance.md")
	require.NoError(t, err)
	found := 0
	for line := range strings.Lines(string(page)) {
		_, args, is := strings.Cut(strings.TrimSpace(line), "redlock-bench load ")
		if !is || !strings.HasPrefix(strings.TrimSpace(line), "bin/redlock-bench ") {
			continue
		}
		found++
		cmd, f := loadCommand()
		args, _, _ = strings.Cut(args, " #")
		require.NoError(t, cmd.ParseFlags(strings.Fields(args)), line)
		assert.Empty(t, cmd.Flags().Args(), line)
		f.peers = strings.ReplaceAll(f.peers, "bin/redlock-peers", os.Args[0])
		_, _, err := f.configs()
		assert.NoError(t, err, line)
	}
	assert.Greater(t, found, 5)
}
