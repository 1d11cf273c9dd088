package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/redlock"
)

// statusUnsafe is the exit status of quorum where a step isn't safe, or servers vote for another set.
const statusUnsafe = 1

// quorumFlags are the flags of the commands about the set of voters.
type quorumFlags struct {
	lookFlags
	sets cli.Sets
}

func (f *quorumFlags) register(cmd *cobra.Command) {
	f.lookFlags.register(cmd)
	f.sets.Register(cmd)
}

func newQuorumCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quorum",
		Short: "Show which servers vote, and replace them",
		Long: `A lock is granted by a majority of one list of servers. Majorities of two lists may
have no server in common. So each server remembers the list that it votes for, and
refuses programs with another. Quorum tells what the servers remember, and changes it.`,
	}
	cmd.AddCommand(newStatusCommand(), newInitCommand(), newChangeCommand())
	return cmd
}

// open returns a locker that takes no locks.
func (f *quorumFlags) open(ctx context.Context) (*redlock.Locker, error) {
	urls, err := f.urls()
	if err != nil {
		return nil, err
	}
	opts, err := f.sets.Options()
	if err != nil {
		return nil, err
	}
	// An exchange gets four node time-outs.
	return redlock.Dial(ctx, urls, append(opts, redlock.Lazy(), redlock.WithNodeTimeout(max(f.timeout/4, time.Millisecond)), redlock.WithTTL(max(10*time.Second, f.timeout)))...)
}

// failure gives an error about the set of voters its exit status.
func failure(err error) error {
	switch {
	case err == nil || errors.Is(err, redlock.ErrInvalidOption):
		return err
	case errors.Is(err, redlock.ErrUnsafe) || errors.Is(err, redlock.ErrMembership):
		return &cli.Failure{Status: statusUnsafe, Err: err}
	}
	return &cli.Failure{Status: statusNoQuorum, Err: err}
}

func newStatusCommand() *cobra.Command {
	var f quorumFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show for which list of servers each server votes",
		Long: `Ask every server, those of --joining too, for which list of servers it votes. Status
changes nothing.

GENERATION counts the decisions for a list; 0 is one that a program has asked for and
that isn't decided on. SERVED ALONE is how long ago the server served a program that
goes by one list alone: a change refuses those with the old one. Servers note it once
a second.

The JSON form has the same content, under names that stay: state, voters and servers
(node, voters, generation, changing, served_alone_ms, waits_ms, error). The state is
"voting" if all that answer vote for one list, "changing" while that replaces another,
"unformed" if they know of none, "divided" otherwise.

Exit status: 0, 2 for a command line that makes no sense, 69 if no server answers.

` + cli.NodesHelp,
		Example: `  redlock quorum status
  redlock quorum status --joining redis://10.0.0.1:6379,redis://10.0.0.2:6379,redis://10.0.0.4:6379`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			locker, err := f.open(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, locker.Close()) }()
			members, err := locker.Memberships(cmd.Context())
			if err != nil {
				return err
			}
			s := statusOf(members)
			if f.json {
				err = cli.WriteJSON(cmd.OutOrStdout(), s)
			} else {
				err = s.write(cmd.OutOrStdout())
			}
			if s.State == noServer {
				err = errors.Join(err, &cli.Failure{Status: statusNoQuorum, Err: errors.New("no server answered")})
			}
			return err
		},
	}
	f.register(cmd)
	return cmd
}

// run lets a locker do something to the quorum, and says that it's done: in JSON by a name.
func (f *quorumFlags) run(cmd *cobra.Command, done, said string, do func(*redlock.Locker, context.Context) error) (err error) {
	locker, err := f.open(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locker.Close()) }()
	if err := do(locker, cmd.Context()); err != nil {
		return failure(err)
	}
	if f.json {
		return cli.WriteJSON(cmd.OutOrStdout(), map[string]bool{done: true})
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
	return err
}

func newInitCommand() *cobra.Command {
	var f quorumFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Let new servers vote at once",
		Long: `Say that the servers are new: no lock is held on them. They vote for this list from now
on. Without init they do so by themselves, but wait for the longest TTL before: nobody
can tell a new server from one that has lost its memory.

Init is for setting up servers, and once. All of them have to answer. Servers that vote
for another list are left as they are; see redlock quorum change.

The JSON form is {"formed": true}.

Exit status: 0, 1 if servers vote for another list, 2 for a command line that makes no
sense, 69 if a server doesn't answer.

` + cli.NodesHelp,
		Example:           `  redlock quorum init --nodes redis://10.0.0.1:6379,redis://10.0.0.2:6379,redis://10.0.0.3:6379`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if joined, err := f.sets.URLs(); err != nil || len(joined) > 0 {
				return errors.Join(err, errors.New("--joining: init is for new servers; give their list as --nodes"))
			}
			return f.run(cmd, "formed", "The servers vote for this list.", (*redlock.Locker).Form)
		},
	}
	f.register(cmd)
	return cmd
}

func newChangeCommand() *cobra.Command {
	var f quorumFlags
	var gone []string
	var unprepared bool
	cmd := &cobra.Command{
		Use:   "change --joining URL,...",
		Short: "Let the servers of --joining vote instead",
		Long: `Make the servers vote for the list of --joining, instead of that of --nodes. Before,
start all programs with both lists: --joining for redlock exec, Joining in Go. They
lock by a majority of both, before and after the change, so there's no moment without
locks. Afterwards, start them with the new list alone.

Programs with the old list alone are refused from the moment on at which change begins.
It doesn't begin while a server has served such a program in the last 10 s or the
longest TTL. Programs that lock seldom don't show: make sure that none is left.

All servers of both lists have to answer. --gone names those that never will. They must
not come back with the data that they had: a server that's only down isn't gone.

Change takes as long as the longest lock in use, 10 s at the least. It may be
interrupted and run again. With the two lists exchanged, it takes a change back.

The JSON form is {"changed": true}.

Exit status: 0 if the servers vote for the new list, 1 if that isn't safe yet, 2 for a
command line that makes no sense, 69 if a server doesn't answer.

` + cli.NodesHelp,
		Example: `  redlock quorum change --joining redis://10.0.0.1:6379,redis://10.0.0.2:6379,redis://10.0.0.4:6379 \
    --gone 10.0.0.3:6379`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if joined, err := f.sets.URLs(); err != nil || len(joined) == 0 {
				return errors.Join(err, errors.New("--joining: give the new list of servers"))
			}
			opts := []redlock.ChangeOption{redlock.GoneForGood(gone...)}
			if unprepared {
				opts = append(opts, redlock.EvenIfUnprepared())
			}
			return f.run(cmd, "changed", "The servers vote for the new list. Now start all programs with it alone.", func(l *redlock.Locker, ctx context.Context) error {
				return l.Change(ctx, opts...)
			})
		},
	}
	f.register(cmd)
	cmd.Flags().StringSliceVar(&gone, "gone", nil, "the servers `HOST:PORT,...` that are gone for good")
	cmd.Flags().BoolVar(&unprepared, "even-if-unprepared", false, "also if programs with the old list alone are at work, and will lose their locks")
	return cmd
}
