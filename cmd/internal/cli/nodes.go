package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// NodesVariable is the environment variable that servers are taken from.
const NodesVariable = "REDLOCK_NODES"

// NodesHelp says how servers are given, for the help of commands with [Nodes].
const NodesHelp = `Servers are redis://[USER:PASSWORD@]HOST:PORT, or rediss:// for TLS. They are given
by --nodes, in a --nodes-file, or else in $REDLOCK_NODES. Special characters of a
password are written as %2F, %40, %2C and so on. All users of a machine can see the
command lines of its processes, so a URL with a password belongs in the file or in
the environment. Passwords are never printed.`

// Nodes are the flags that say which servers there are.
type Nodes struct{ list, file string }

// Register adds the flags to a command.
func (n *Nodes) Register(cmd *cobra.Command) {
	flags := cmd.Flags()
	// A plain string: the parser for lists prints what it can't parse, passwords and all.
	flags.StringVar(&n.list, "nodes", "", "the servers: `URL,...` (default $"+NodesVariable+"); others see a password here")
	flags.StringVar(&n.file, "nodes-file", "", "read the servers from `FILE`: a URL on each line, empty lines and those with # don't count")
	cmd.MarkFlagsMutuallyExclusive("nodes", "nodes-file")
	if err := cmd.RegisterFlagCompletionFunc("nodes", cobra.NoFileCompletions); err != nil {
		panic(err) // the flag is misspelt above
	}
}

// URLs returns the servers' URLs. It doesn't look at them.
func (n *Nodes) URLs() ([]string, error) {
	switch {
	case n.list != "":
		return strings.Split(n.list, ","), nil
	case n.file != "":
		return readNodes(n.file)
	}
	urls := fields(os.Getenv(NodesVariable))
	if len(urls) == 0 {
		return nil, errors.New("--nodes: give the URL of each server, such as redis://host:6379, separated by commas; or --nodes-file FILE; or $" + NodesVariable)
	}
	return urls, nil
}

// fields splits a variable's text, also by white space, so that a unit file or a script can have one on each line.
func fields(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

func readNodes(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--nodes-file: %w", err)
	}
	var urls []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			urls = append(urls, line)
		}
	}
	if urls == nil {
		return nil, fmt.Errorf("--nodes-file: %s names no server; write a URL such as redis://host:6379 on each line", file)
	}
	return urls, nil
}
