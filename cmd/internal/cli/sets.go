package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/redlock"
)

// JoiningVariable is the environment variable that the servers are taken from that are joined.
const JoiningVariable = "REDLOCK_JOINING"

// Sets are the flags that say what set of voters the servers are, and which one they join.
type Sets struct{ joining, joiningFile, names, group string }

// Register adds the flags to a command.
func (s *Sets) Register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.joining, "joining", "", "the servers that are to replace these: `URL,...` (default $"+JoiningVariable+")")
	flags.StringVar(&s.joiningFile, "joining-file", "", "read them from `FILE`")
	flags.StringVar(&s.names, "voter-names", "", "call the servers `NAME,...`, then those of --joining, as other programs do with WithVoterNames")
	flags.StringVar(&s.group, "group", "", "the `NAME` of the group, as other programs have it in WithGroup")
	cmd.MarkFlagsMutuallyExclusive("joining", "joining-file")
}

// URLs returns the servers that are joined; nil if there are none.
func (s *Sets) URLs() ([]string, error) {
	if s.joiningFile != "" {
		urls, err := readNodes(s.joiningFile)
		if err != nil {
			return nil, &joiningError{err}
		}
		return urls, nil
	}
	if s.joining != "" {
		return strings.Split(s.joining, ","), nil
	}
	return fields(os.Getenv(JoiningVariable)), nil
}

// joiningError says for which flag a file couldn't be read.
type joiningError struct{ err error }

func (e *joiningError) Error() string {
	return strings.Replace(e.err.Error(), "--nodes-file", "--joining-file", 1)
}

func (e *joiningError) Unwrap() error { return e.err }

// Options returns the locker's options that the flags amount to.
func (s *Sets) Options() ([]redlock.Option, error) {
	urls, err := s.URLs()
	if err != nil {
		return nil, err
	}
	opts := []redlock.Option{redlock.WithGroup(s.group)}
	if len(urls) > 0 {
		opts = append(opts, redlock.Joining(urls...))
	}
	if s.names != "" {
		opts = append(opts, redlock.WithVoterNames(strings.Split(s.names, ",")...))
	}
	return opts, nil
}
