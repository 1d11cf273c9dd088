package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages into a directory that exists",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("man: give one directory, which exists: redlock man DIR")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true // the date, so that a package builds the same twice
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "redlock", Manual: "redlock"}, args[0]); err != nil {
				return fmt.Errorf("man: %w; give a directory that exists and may be written to", err)
			}
			return nil
		},
	}
}
