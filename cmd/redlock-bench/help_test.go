package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/cmd/internal/cli/clitest"
)

func TestHelpFitsTheTerminal(t *testing.T) {
	assert.Greater(t, clitest.HelpFits(t, newRootCommand()), 8)
}
