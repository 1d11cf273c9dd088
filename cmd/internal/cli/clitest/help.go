// Package clitest holds the checks that both commands pass.
package clitest

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
)

// HelpFits looks at the texts that are wrapped by hand, of a command and of all below it, and returns how many commands that are.
func HelpFits(t *testing.T, c *cobra.Command) (commands int) {
	for line := range strings.Lines(c.Long) {
		line = strings.TrimSuffix(line, "\n")
		assert.LessOrEqual(t, len(line), 88, "%s: %s", c.CommandPath(), line)
	}
	for _, sub := range c.Commands() {
		commands += HelpFits(t, sub)
	}
	return commands + 1
}
