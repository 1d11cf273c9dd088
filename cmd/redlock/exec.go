package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
)

const execName = "exec"

// The exit statuses of exec that aren't the command's. Those below 125 are of sysexits.h and of timeout(1), the
// others of shells and of env(1).
const (
	statusNoQuorum    = 69
	statusNotAcquired = 75
	statusLost        = 124
	statusOwn         = 125
	statusCannotRun   = 126
	statusNotFound    = 127
	statusSignal      = 128 // plus the signal
)

// execFlags are the flags of exec.
type execFlags struct {
	nodes     cli.Nodes
	sets      cli.Sets
	noWait    bool
	wait      time.Duration
	conflict  int
	ttl       time.Duration
	killAfter time.Duration
	atLeast   time.Duration
	maxHold   time.Duration
}

func newExecCommand() *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   execName + " NAME -- CMD [ARG...]",
		Short: "Run a command while holding a lock",
		Long: `Wait for the lock with that NAME, run the command while it's held, and give it back.
The lock is renewed as long as the command runs. It's given back when the command and
everything that it left running in its process group have ended.

The command finds the lock's name in $REDLOCK_NAME and its fencing token in
$REDLOCK_FENCE: a number that grows with every acquisition. A resource that refuses
smaller numbers than it has seen is safe even from a command that was held up.

A lock that can't be renewed in time is lost. Then the command's whole process group
gets TERM, and KILL by --kill-after later, always before the lock can be another's. If
the lock is taken away, by redlock break for one, it gets KILL at once. If redlock
itself is killed or stopped, a second process of it ends the command.

Signals are passed on to the command's process group: HUP, INT, QUIT, TERM, USR1,
USR2, ALRM and WINCH. While redlock waits for the lock, each of them but WINCH ends
it. Ctrl-Z has no effect on a command that holds a lock.

Servers that are new, or that have restarted, don't vote for the --ttl and half a
second. Exec waits for that, too, unless there is -n. If too few servers answer when
exec starts, it ends with status 69 whether it may wait or not.

With --at-least, the servers keep the lock until that long after exec got it, also if
the command has ended or failed before. So another machine whose clock is late doesn't
run the same cron job again. Exec itself ends with the command. It can't shorten what is
left of the --ttl then. If the machine dies while the command runs, the lock is free
after the --ttl. A server that has kept a lock so, and restarts, doesn't vote for that
long.

Exit status: the command's own, or
   69  too few servers answered, or may vote already
   75  the lock is held by another (-E changes it)
  124  the lock was lost, or --max-hold is over, and the command was ended
  125  redlock itself failed, for example by a wrong option
  126  the command can't be run
  127  the command wasn't found
  128  plus the number of the signal that ended the command, or redlock while it waited

Unlike the other commands exec has no --json. Its output is the command's, the status
says what became of the lock, and redlock show NAME --json says who holds it.

` + cli.NodesHelp,
		Example: `  redlock exec -n nightly -- /usr/local/bin/report --all
  redlock exec -w 30s --max-hold 10m deploy:web -- ./deploy.sh
  redlock exec -n -E 0 --at-least 5m --nodes-file /etc/redlock/nodes hourly -- run-parts /etc/hourly`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		Args: func(cmd *cobra.Command, args []string) error {
			switch cmd.ArgsLenAtDash() {
			case -1:
				return errors.New("exec: put -- between the lock's name and the command: redlock exec NAME -- CMD ARG")
			case 0:
				return errors.New("exec: name the lock before the --: redlock exec NAME -- CMD ARG")
			case 1:
			default:
				return fmt.Errorf("exec: there are %d names before the --, and a command runs under one lock", cmd.ArgsLenAtDash())
			}
			if len(args) < 2 {
				return errors.New("exec: no command after the --: redlock exec NAME -- CMD ARG")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("kill-after") {
				f.killAfter = f.ttl / 3
			}
			if err := f.check(cmd.Flags().Changed); err != nil {
				return err
			}
			urls, err := f.nodes.URLs()
			if err != nil {
				return err
			}
			opts, err := f.sets.Options()
			if err != nil {
				return err
			}
			return execute(job{execFlags: f, urls: urls, opts: opts, name: args[0], argv: args[1:], env: environment(), errOut: cmd.ErrOrStderr()})
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if strings.HasSuffix(err.Error(), "unknown flag: --json") {
			return errors.New("exec has no --json, since standard output is the command's: the exit status says what became " +
				"of the lock, and redlock show NAME --json who holds it")
		}
		return err
	})
	f.nodes.Register(cmd)
	f.sets.Register(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&f.noWait, "no-wait", "n", false, "don't wait: if the lock is held by another, exit at once")
	flags.DurationVarP(&f.wait, "wait", "w", 0, "wait for this `TIME` at the most (default for ever)")
	flags.IntVarP(&f.conflict, "conflict-status", "E", statusNotAcquired, "exit with status `N` if the lock is held by another")
	flags.DurationVar(&f.ttl, "ttl", 10*time.Second, "the lock outlives a machine that dies by this `TIME`; the same for all users of the servers")
	flags.DurationVar(&f.killAfter, "kill-after", 0, "send KILL this `TIME` after TERM, at most half of the --ttl (default a third of it)")
	flags.DurationVar(&f.atLeast, "at-least", 0, "keep the lock for this `TIME`, also if the command ends sooner")
	flags.DurationVar(&f.maxHold, "max-hold", 0, "end the command when it has held the lock for this `TIME`; TERM comes --kill-after and 0.5s earlier (default no limit)")
	cmd.MarkFlagsMutuallyExclusive("no-wait", "wait")
	for _, name := range []string{"wait", "conflict-status", "ttl", "kill-after", "at-least", "max-hold"} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions); err != nil {
			panic(err) // the flag is misspelt above
		}
	}
	return cmd
}

// The least TTL leaves time enough to renew, and to end the command.
const (
	leastTTL   = time.Second
	longestTTL = 12 * time.Hour
)

// check refuses flags that make no sense.
func (f *execFlags) check(given func(flag string) bool) error {
	switch {
	case given("wait") && f.wait <= 0:
		return fmt.Errorf("--wait %v: give more than 0, or -n for none", f.wait)
	case f.conflict < 0 || f.conflict > 255:
		return fmt.Errorf("--conflict-status %d: give from 0 to 255", f.conflict)
	case f.ttl < leastTTL || f.ttl > longestTTL:
		return fmt.Errorf("--ttl %v: give from %v to %v", f.ttl, leastTTL, longestTTL)
	case f.killAfter < 0 || f.killAfter > f.ttl/2:
		return fmt.Errorf("--kill-after %v: give from 0s to %v, half of the --ttl; the lock has to last until then", f.killAfter, f.ttl/2)
	case f.atLeast < 0 || f.atLeast > longestTTL:
		return fmt.Errorf("--at-least %v: give from 0s to %v", f.atLeast, longestTTL)
	case given("max-hold") && f.maxHold <= f.killAfter+f.margin():
		return fmt.Errorf("--max-hold %v: give more than %v, which is what ending the command takes (--kill-after, and %v to be sure)", f.maxHold, f.killAfter+f.margin(), f.margin())
	case given("max-hold") && f.atLeast > f.maxHold:
		return fmt.Errorf("--at-least %v is longer than --max-hold %v; give at most that", f.atLeast, f.maxHold)
	}
	return nil
}

// margin is how long before the proven deadline the command has to be dead: a timer and a signal may take some
// of it on a busy machine.
func (f *execFlags) margin() time.Duration { return min(f.ttl/20, 500*time.Millisecond) }

// environment is this process's, without what exec sets.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "REDLOCK_NAME=") && !strings.HasPrefix(e, "REDLOCK_FENCE=") {
			env = append(env, e)
		}
	}
	return env
}
