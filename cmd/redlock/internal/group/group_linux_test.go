package group

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// suddenly in the environment makes the test binary a program that starts a command in a group, and gets this signal from itself when the
// command has begun, and before anything else.
const suddenly = "REDLOCK_GROUP_SUDDENLY"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == GuardCommand {
		Guard(os.Stdin)
		return
	}
	if s, err := strconv.Atoi(os.Getenv(suddenly)); err == nil {
		launch = func(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
			p, err := os.StartProcess(path, argv, attr)
			for { // it has begun
				if _, missing := os.Stat(os.Args[1]); missing == nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
			_ = syscall.Kill(os.Getpid(), syscall.Signal(s))
			return p, err
		}
		_, err := Start("/bin/sh", []string{"sh", "-c", `while :; do echo $$ >"$0"; sleep 0.02; done`, os.Args[1]}, os.Environ(), 500*time.Millisecond)
		panic(err)
	}
	os.Exit(m.Run())
}

// The guard ends a command whose redlock was killed, or stopped, in the moment in which it had begun it.
func TestGuardKnowsTheGroupFromTheStart(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		t.Run(s.String(), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			program := exec.CommandContext(t.Context(), os.Args[0], file)
			program.Env = append(os.Environ(), suddenly+"="+strconv.Itoa(int(s)))
			require.NoError(t, program.Start())
			if s == syscall.SIGKILL {
				require.Error(t, program.Wait())
			} else {
				defer func() {
					assert.NoError(t, program.Process.Kill())
					assert.Error(t, program.Wait())
				}()
			}
			written := func() bool {
				_, missing := os.Stat(file)
				return missing == nil
			}
			require.Eventually(t, written, 10*time.Second, 10*time.Millisecond)
			require.Eventually(t, func() bool { // it writes no more
				_ = os.Remove(file)
				time.Sleep(200 * time.Millisecond)
				return !written()
			}, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// A guard that takes long to start ends the group no later.
func TestGuardReadsAnOrderLate(t *testing.T) {
	command := exec.CommandContext(t.Context(), "sleep", "30")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, command.Start())
	orders, pipe, err := os.Pipe()
	require.NoError(t, err)
	g := &guard{pipe: pipe}
	g.tell(command.Process.Pid, time.Second)
	time.Sleep(800 * time.Millisecond)
	begun := time.Now()
	late := exec.CommandContext(t.Context(), os.Args[0], GuardCommand)
	late.Stdin = orders
	require.NoError(t, late.Start())
	require.Error(t, command.Wait())
	assert.Less(t, time.Since(begun), 900*time.Millisecond, "it would be a second if it counted from the reading")
	g.dismiss()
	require.NoError(t, late.Wait())
}
