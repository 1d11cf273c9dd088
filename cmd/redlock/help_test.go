package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
)

// TestHelpFitsTheTerminal looks at the texts that are wrapped by hand, of every command.
func TestHelpFitsTheTerminal(t *testing.T) {
	commands := 0
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		commands++
		for _, line := range strings.Split(c.Long, "\n") {
			assert.LessOrEqual(t, len(line), 88, "%s: %s", c.CommandPath(), line)
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(newRootCommand())
	assert.Greater(t, commands, 8)
}
