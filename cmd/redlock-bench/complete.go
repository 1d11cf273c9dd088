package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
)

// completeScenarios offers the scenarios that aren't on the command line yet.
func completeScenarios(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	var completions []string
	for _, s := range scenario.All() {
		if !slices.Contains(given, s.Name) {
			completions = append(completions, cobra.CompletionWithDesc(s.Name, s.About))
		}
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag has the shell complete a flag's value by these words; without words, by nothing
// instead of file names.
func completeFlag(cmd *cobra.Command, flag string, words ...string) {
	mustComplete(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeList has the shell complete a list that is separated by commas.
func completeList(cmd *cobra.Command, flag string, words []string) {
	mustComplete(cmd, flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		done := typed[:strings.LastIndexByte(typed, ',')+1]
		var completions []string
		for _, w := range words {
			if !strings.Contains(","+done, ","+w+",") {
				completions = append(completions, done+w)
			}
		}
		return completions, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

func mustComplete(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic("redlock-bench: " + err.Error()) // the flag is misspelt in this program
	}
}
