package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stubborn is a shell whose child works on whatever happens to the shell, writes down the time again and again, and
// takes no notice of TERM but for noting when it came. Its argument is a file's name.
const stubborn = `
trap '' HUP INT
sh -c 'trap "date +%s%N >$0.term" TERM; while :; do date +%s%N >>$0; sleep 0.02; done' "$1" &
echo began
wait
`

// stamps reads the times that a file holds.
func stamps(t *testing.T, file string) []time.Time {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var all []time.Time
	for line := range strings.Lines(string(text)) {
		if ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64); err == nil && strings.HasSuffix(line, "\n") {
			all = append(all, time.Unix(0, ns))
		}
	}
	require.NotEmpty(t, all)
	return all
}

// The command, its child included, is dead before the lock can be another's, and had the time that it was promised.
func TestExecLosesTheLock(t *testing.T) {
	c, urls := startVoters(t, 3)
	const ttl, killAfter = 3 * time.Second, time.Second
	file := t.TempDir() + "/worked"
	p := command(t, "exec", "--nodes", urls, "--ttl", ttl.String(), "--kill-after", killAfter.String(), "job", "--", "sh", "-c", stubborn, "sh", file).start()
	p.says("began")
	time.Sleep(ttl) // it was renewed
	require.Contains(t, runs(t, "show", "--nodes", urls, "job").out.String(), "job: held")

	stopped := pauseAll(t, c.Nodes()[:2]) // a minority goes on
	assert.Equal(t, statusLost, p.status(), "%s", &p.errOut)
	ended := time.Now()
	assert.Contains(t, p.errOut.String(), `the lock on "job" is lost, and the command was ended: it couldn't be renewed in time; `+c.Node(0).Addr())
	require.False(t, alive(t, file), "a process of the group is left")

	// Whatever was renewed last, it was before the servers stopped.
	deadline := stopped.Add(ttl - ttl/100 - 2*time.Millisecond)
	all := stamps(t, file)
	last := all[len(all)-1]
	assert.Less(t, last, deadline, "it worked without the lock")
	assert.Less(t, ended.Sub(stopped), ttl+2*time.Second)
	term := stamps(t, file+".term")[0]
	t.Logf("after the servers stopped: TERM %v, last work %v, end of redlock %v, deadline %v at the latest", term.Sub(stopped), last.Sub(stopped), ended.Sub(stopped), deadline.Sub(stopped))
	assert.GreaterOrEqual(t, last.Sub(term), killAfter-300*time.Millisecond, "TERM came too late")
}

// At TERM, a shell may end and its child may not.
func TestExecShellEndsAndItsChildDoesnt(t *testing.T) {
	c, urls := startVoters(t, 3)
	const ttl = 2 * time.Second
	file := t.TempDir() + "/worked"
	p := command(t, "exec", "--nodes", urls, "--ttl", ttl.String(), "job", "--", "sh", "-c", stubborn+"exit 0", "sh", file)
	p.Args[len(p.Args)-3] = "trap 'exit 0' TERM\n" + p.Args[len(p.Args)-3]
	p.start().says("began")
	stopped := pauseAll(t, c.Nodes())
	assert.Equal(t, statusLost, p.status(), "%s", &p.errOut)
	require.False(t, alive(t, file))
	all := stamps(t, file)
	assert.Less(t, all[len(all)-1], stopped.Add(ttl-ttl/100))
}

func TestExecLockIsBroken(t *testing.T) {
	_, urls := startVoters(t, 3)
	const ttl = 3 * time.Second
	file := t.TempDir() + "/worked"
	p := command(t, "exec", "--nodes", urls, "--ttl", ttl.String(), "job", "--", "sh", "-c", stubborn, "sh", file).start()
	p.says("began")
	broken := runs(t, "break", "--nodes", urls, "job", "--token", token(t, urls, "job"), "--yes")
	require.Zero(t, broken.status(), "%s", &broken.errOut)
	at := time.Now()
	assert.Equal(t, statusLost, p.status(), "%s", &p.errOut)
	assert.Less(t, time.Since(at), ttl/3+2*time.Second, "at the next renewal")
	assert.Contains(t, p.errOut.String(), "the command was ended: redlock: lock lost")
	assert.NoFileExists(t, file+".term", "there was no time for that")
	assert.False(t, alive(t, file))
	assertFree(t, urls, "job")
}

// The command ends by itself before anybody noticed that the lock was lost.
func TestExecLossIsFoundAtTheEnd(t *testing.T) {
	c, urls := startVoters(t, 3)
	p := command(t, "exec", "--nodes", urls, "--ttl", "1m", "job", "--", "sh", "-c", "echo began; read x; exit 3")
	in, err := p.StdinPipe()
	require.NoError(t, err)
	p.start().says("began")
	for _, n := range c.Nodes()[:2] {
		_, err := n.Command(t.Context(), "DEL", "job", "job:fence")
		require.NoError(t, err)
	}
	require.NoError(t, in.Close())
	assert.Equal(t, statusLost, p.status())
	assert.Contains(t, p.errOut.String(), "the command ended with status 3, but the lock was lost before")
}

func TestExecCannotGiveBack(t *testing.T) {
	c, urls := startVoters(t, 3)
	p := command(t, "exec", "--nodes", urls, "--ttl", "20s", "job", "--", "sh", "-c", "echo began; read x; exit 3")
	in, err := p.StdinPipe()
	require.NoError(t, err)
	p.start().says("began")
	pauseAll(t, c.Nodes())
	require.NoError(t, in.Close())
	assert.Equal(t, 3, p.status(), "the command was protected to its end")
	assert.Contains(t, p.errOut.String(), `the lock on "job" couldn't be given back, and may go on for 20s`)
	assert.Less(t, p.took, 20*time.Second)
}

func TestExecPassesSignalsOn(t *testing.T) {
	_, urls := startVoters(t, 3)
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM} {
		t.Run(s.String(), func(t *testing.T) {
			// The child of the shell gets it, too. (In the background it couldn't trap INT.)
			child := fmt.Sprintf(`trap "echo child; exit" %d; echo ready; while :; do sleep 0.02; done`, s)
			p := command(t, "exec", "--nodes", urls, "job", "--", "sh", "-c", fmt.Sprintf(`trap 'echo shell' %d; sh -c '%s'; exit 9`, s, child)).start()
			p.says("ready")
			p.signal(s)
			assert.Equal(t, 9, p.status(), "%s", &p.errOut)
			assert.Contains(t, p.out.String(), "shell")
			assert.Contains(t, p.out.String(), "child")
			assertFree(t, urls, "job")
		})
	}
}

func TestExecSignalKillsTheCommand(t *testing.T) {
	_, urls := startVoters(t, 3)
	hold(t, urls, "job")()
	assertFree(t, urls, "job")
}

func TestExecSignalWhileWaiting(t *testing.T) {
	_, urls := startVoters(t, 3)
	release := hold(t, urls, "job")
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1} {
		p := command(t, "exec", "--nodes", urls, "job", "--", "echo", "ran").start()
		time.Sleep(400 * time.Millisecond)
		p.signal(syscall.SIGWINCH) // a window's size is no reason to stop
		time.Sleep(100 * time.Millisecond)
		p.signal(s)
		sent := time.Now()
		assert.Equal(t, statusSignal+int(s), p.status(), "%v: %s", s, &p.errOut)
		assert.Less(t, time.Since(sent), 3*time.Second)
		assert.Contains(t, p.errOut.String(), `while waiting for "job"`)
		assert.Empty(t, p.out.String())
	}
	release()
	assertFree(t, urls, "job") // none of them left anything
}

// Servers that don't answer don't make it deaf.
func TestExecSignalWhileServersHang(t *testing.T) {
	c, urls := startVoters(t, 3)
	pauseAll(t, c.Nodes())
	p := command(t, "exec", "--nodes", urls, "job", "--", "echo", "ran").start()
	time.Sleep(200 * time.Millisecond)
	p.signal(syscall.SIGTERM)
	assert.Equal(t, statusSignal+int(syscall.SIGTERM), p.status(), "%s", &p.errOut)
	assert.Less(t, p.took, 5*time.Second)
}

func TestExecIgnoredSignalsStayIgnored(t *testing.T) {
	_, urls := startVoters(t, 1)
	p := command(t)
	p.Path = "/bin/sh"
	p.Args = []string{"sh", "-c", `trap '' HUP; exec "$@"`, "sh", os.Args[0], "exec", "--nodes", urls, "job", "--", "sh", "-c", "echo began; kill -HUP $$; read x; exit 5"}
	in, err := p.StdinPipe()
	require.NoError(t, err)
	p.start().says("began")
	p.signal(syscall.SIGHUP)
	time.Sleep(100 * time.Millisecond)
	require.NoError(t, in.Close())
	assert.Equal(t, 5, p.status(), "%s", &p.errOut)
}

// Nobody renews a lock whose redlock is dead, or ends the command of one that's stopped, but for the guard.
func TestExecIsKilled(t *testing.T) {
	_, urls := startVoters(t, 3)
	file := t.TempDir() + "/worked"
	p := command(t, "exec", "--nodes", urls, "job", "--", "sh", "-c", stubborn, "sh", file).start()
	p.says("began")
	p.signal(syscall.SIGKILL)
	// KILL comes a third of the TTL, 10 s, after TERM, and before the lock is over in any case.
	require.Eventually(t, func() bool { return !alive(t, file) }, 9*time.Second, 10*time.Millisecond)
	assert.Zero(t, runs(t, "exec", "--nodes", urls, "job", "--", "true").status(), "when the lock has run out")
}

func TestExecIsStopped(t *testing.T) {
	_, urls := startVoters(t, 3)
	const ttl = 3 * time.Second
	file := t.TempDir() + "/worked"
	p := command(t, "exec", "--nodes", urls, "--ttl", ttl.String(), "job", "--", "sh", "-c", stubborn, "sh", file).start()
	p.says("began")
	p.signal(syscall.SIGSTOP)
	stopped := time.Now()
	next := runs(t, "exec", "--nodes", urls, "--ttl", ttl.String(), "job", "--", "date", "+%s%N")
	assert.Zero(t, next.status(), "%s", &next.errOut)
	ns, err := strconv.ParseInt(strings.TrimSpace(next.out.String()), 10, 64)
	require.NoError(t, err)
	all := stamps(t, file)
	assert.Less(t, all[len(all)-1], time.Unix(0, ns), "two worked at the same time")
	assert.Less(t, all[len(all)-1], stopped.Add(ttl-ttl/100))
	p.signal(syscall.SIGCONT)
	assert.Equal(t, statusLost, p.status(), "%s", &p.errOut)
}
