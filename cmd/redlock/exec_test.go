package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExecStatuses(t *testing.T) {
	_, urls := startVoters(t, 3)
	for _, c := range []struct {
		line   []string
		status int
		errOut string
	}{
		{[]string{"true"}, 0, ""},
		{[]string{"sh", "-c", "exit 3"}, 3, ""},
		{[]string{"sh", "-c", "exit 255"}, 255, ""},
		{[]string{"sh", "-c", "kill -KILL $$"}, 137, ""},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143, ""},
		{[]string{"no-such-command"}, statusNotFound, `"no-such-command": executable file not found in $PATH`},
		{[]string{"/no/such/command"}, statusNotFound, "/no/such/command"},
		{[]string{script(t, 0o755, "#!/no/such/interpreter\n")}, statusNotFound, "no such file"},
		{[]string{t.TempDir()}, statusCannotRun, "is a directory"},
		{[]string{script(t, 0o644, "#!/bin/sh\n")}, statusCannotRun, "permission denied"},
		{[]string{script(t, 0o755, "\x00\x01")}, statusCannotRun, "exec format error"},
	} {
		t.Run(strings.Join(c.line, " "), func(t *testing.T) {
			p := runs(t, append([]string{"exec", "--nodes", urls, "job", "--"}, c.line...)...)
			assert.Equal(t, c.status, p.status())
			if c.errOut == "" {
				assert.Empty(t, p.errOut.String(), "that's the command's business")
			} else {
				assert.Contains(t, p.errOut.String(), c.errOut)
			}
			assertFree(t, urls, "job")
		})
	}
}

func TestExecOwnErrors(t *testing.T) {
	for line, want := range map[string]string{
		"exec":                        "put -- between",
		"exec job true":               "put -- between the lock's name and the command",
		"exec -- true":                "name the lock before the --",
		"exec a b -- true":            "there are 2 names before the --",
		"exec job --":                 "no command after the --",
		"exec job -- true":            "--nodes: give the URL of each server",
		"exec --nodse x job -- true":  "unknown flag: --nodse",
		"exec --ttl 5 job -- true":    `invalid argument "5"`,
		"exec --ttl 10ms job -- true": "--ttl 10ms: give from 1s to 12h0m0s",
		"exec --ttl 10s --kill-after 6s job -- true":   "--kill-after 6s: give from 0s to 5s",
		"exec -n -w 1s job -- true":                    "--no-wait and --wait: give one of them, not both",
		"exec -w 0s job -- true":                       "--wait 0s: give more than 0, or -n",
		"exec -E 256 job -- true":                      "--conflict-status 256: give from 0 to 255",
		"exec --max-hold 1s job -- true":               "--max-hold 1s: give more than",
		"exec --at-least -1s job -- true":              "--at-least -1s: give from 0s to 12h0m0s",
		"exec --at-least 1h --max-hold 1m job -- true": "--at-least 1h0m0s is longer than --max-hold 1m0s",
		"exec --nodes-file /no/such job -- true":       "--nodes-file: open /no/such",
		"exec --nodes redis://:secret@a:x job -- true": "URL 1 can't be read",
		"exec -nodes=redis://:secret@a job -- true":    "unknown shorthand flag",
		"exec --nodes redis://a:1,redis://a:1 j -- :":  "are the same server",
	} {
		t.Run(line, func(t *testing.T) {
			p := runs(t, strings.Fields(strings.ReplaceAll(line, "-- :", "-- true"))...)
			assert.Equal(t, statusOwn, p.status())
			assert.Contains(t, p.errOut.String(), want)
			assert.NotContains(t, p.errOut.String(), "secret")
			assert.Empty(t, p.out.String())
		})
	}
}

func TestExecInvalidName(t *testing.T) {
	_, urls := startVoters(t, 1)
	p := runs(t, "exec", "--nodes", urls, "job:fence", "--", "echo", "ran")
	assert.Equal(t, statusOwn, p.status())
	assert.Contains(t, p.errOut.String(), "choose another ending")
	assert.Empty(t, p.out.String())
}

func TestExecHeldByAnother(t *testing.T) {
	_, urls := startVoters(t, 3)
	release := hold(t, urls, "job")
	p := runs(t, "exec", "--nodes", urls, "-n", "job", "--", "echo", "ran")
	assert.Equal(t, statusNotAcquired, p.status())
	assert.Contains(t, p.errOut.String(), "held by another")
	assert.Empty(t, p.out.String())
	assert.Equal(t, 5, runs(t, "exec", "--nodes", urls, "-nE5", "job", "--", "true").status())
	assert.Zero(t, runs(t, "exec", "--nodes", urls, "-n", "-E", "0", "job", "--", "true").status())

	p = runs(t, "exec", "--nodes", urls, "-w", "700ms", "job", "--", "echo", "ran")
	assert.Equal(t, statusNotAcquired, p.status(), "%s", &p.errOut)
	assert.Greater(t, p.took, 700*time.Millisecond)
	p = runs(t, "exec", "--nodes", urls, "-w", "1ns", "job", "--", "true")
	assert.Equal(t, statusNotAcquired, p.status(), "the first attempt is never cut short: %s", &p.errOut)

	waiting := command(t, "exec", "--nodes", urls, "job", "--", "echo", "ran").start()
	time.Sleep(300 * time.Millisecond) // it waits
	assert.Empty(t, waiting.out.String())
	release()
	assert.Zero(t, waiting.status(), "%s", &waiting.errOut)
	assert.Equal(t, "ran\n", waiting.out.String())
}

func TestExecNoQuorum(t *testing.T) {
	c, urls := startVoters(t, 3)
	pauseAll(t, c.Nodes()[:1])
	p := runs(t, "exec", "--nodes", urls, "job", "--", "true")
	assert.Zero(t, p.status(), "%s", &p.errOut)
	assert.Contains(t, p.errOut.String(), "the quorum survives fewer failures", "a minority is worth a warning")
	pauseAll(t, c.Nodes()[1:2])
	for _, wait := range []string{"-n", "-w1h"} {
		p = runs(t, "exec", "--nodes", urls, wait, "job", "--", "echo", "ran")
		assert.Equal(t, statusNoQuorum, p.status())
		assert.Contains(t, p.errOut.String(), "no quorum")
		assert.Empty(t, p.out.String())
	}
}

// A server that nobody has met may have forgotten a lock.
func TestExecWaitsForNewServers(t *testing.T) {
	_, urls := startStrangers(t, 3)
	p := runs(t, "exec", "--nodes", urls, "--ttl", "1s", "-n", "job", "--", "echo", "ran")
	assert.Equal(t, statusNoQuorum, p.status())
	assert.Contains(t, p.errOut.String(), "quarantined")
	p = runs(t, "exec", "--nodes", urls, "--ttl", "1s", "job", "--", "echo", "ran")
	assert.Zero(t, p.status(), "%s", &p.errOut)
	assert.Equal(t, "ran\n", p.out.String())
}

func TestExecSecretsStaySecret(t *testing.T) {
	c, urls := startVoters(t, 1)
	_, err := c.Node(0).Command(t.Context(), "CONFIG", "SET", "requirepass", "se/cret")
	require.NoError(t, err)
	bad := strings.Replace(urls, "redis://", "redis://:not-the-se%2Fcret@", 1)
	good := strings.Replace(urls, "redis://", "redis://:se%2Fcret@", 1)
	file := script(t, 0o600, good+"\n")

	p := runs(t, "exec", "--nodes", bad, "-n", "job", "--", "true")
	assert.Equal(t, statusNoQuorum, p.status())
	assert.Contains(t, p.errOut.String(), "it doesn't take this user and password")
	for _, args := range [][]string{{"show", "job"}, {"ls", ""}, {"break", "job", "--token", "t", "--yes"}, {"doctor", "--duration", "100ms"}} {
		p := runs(t, append(args, "--nodes", bad)...)
		assert.NotZero(t, p.status())
		assert.NotContains(t, p.out.String()+p.errOut.String(), "cret", args)
	}
	assert.NotContains(t, p.errOut.String(), "cret")

	p = runs(t, "exec", "--nodes-file", file, "job", "--", "true")
	assert.Zero(t, p.status(), "%s", &p.errOut)
	p = command(t, "exec", "job", "--", "true")
	p.Env = append(p.Env, "REDLOCK_NODES="+good)
	assert.Zero(t, p.start().status(), "%s", &p.errOut)
}

func TestExecEnvironmentAndStreams(t *testing.T) {
	_, urls := startVoters(t, 3)
	fence := int64(0)
	for range 3 {
		p := command(t, "exec", "--nodes", urls, "a job", "--", "sh", "-c", `echo "$REDLOCK_NAME,$REDLOCK_FENCE,$(cat)"; echo to-stderr >&2`)
		p.Env = append(p.Env, "REDLOCK_FENCE=7", "REDLOCK_NAME=old")
		p.Stdin = strings.NewReader("input")
		require.Zero(t, p.start().status(), "%s", &p.errOut)
		fields := strings.Split(strings.TrimSpace(p.out.String()), ",")
		require.Len(t, fields, 3)
		assert.Equal(t, "a job", fields[0])
		assert.Equal(t, "input", fields[2])
		assert.Equal(t, "to-stderr\n", p.errOut.String())
		next, err := strconv.ParseInt(fields[1], 10, 64)
		require.NoError(t, err)
		assert.Greater(t, next, fence)
		fence = next
	}
}

func TestExecRenews(t *testing.T) {
	_, urls := startVoters(t, 3)
	p := command(t, "exec", "--nodes", urls, "--ttl", "2s", "job", "--", "sh", "-c", "echo began; sleep 5; echo ended").start()
	p.says("began")
	for began := time.Now(); time.Since(began) < 4*time.Second; time.Sleep(300 * time.Millisecond) {
		require.Equal(t, statusNotAcquired, runs(t, "exec", "--nodes", urls, "--ttl", "2s", "-n", "job", "--", "true").status())
	}
	assert.Zero(t, p.status(), "%s", &p.errOut)
	assert.Equal(t, "began\nended\n", p.out.String())
	assertFree(t, urls, "job")
}

// What the command leaves running still works on what the lock protects.
func TestExecHoldsTheLockForTheWholeGroup(t *testing.T) {
	_, urls := startVoters(t, 3)
	p := command(t, "exec", "--nodes", urls, "job", "--", "sh", "-c", "(sleep 1.5; echo late) & echo early; exit 3").start()
	p.says("early")
	assert.Equal(t, statusNotAcquired, runs(t, "exec", "--nodes", urls, "-n", "job", "--", "true").status())
	assert.Equal(t, 3, p.status())
	assert.Equal(t, "early\nlate\n", p.out.String())
	assertFree(t, urls, "job")
}

func TestExecAtLeast(t *testing.T) {
	_, urls := startVoters(t, 3)
	began := time.Now()
	p := runs(t, "exec", "--nodes", urls, "--ttl", "2s", "--at-least", "6s", "job", "--", "sh", "-c", "exit 4")
	assert.Equal(t, 4, p.status(), "%s", &p.errOut)
	assert.Less(t, p.took, 4*time.Second, "it ends with the command")
	assert.Contains(t, runs(t, "show", "--nodes", urls, "job").out.String(), "job: held")
	for time.Since(began) < 5*time.Second {
		require.Equal(t, statusNotAcquired, runs(t, "exec", "--nodes", urls, "--ttl", "2s", "-n", "job", "--", "true").status())
		time.Sleep(300 * time.Millisecond)
	}
	assert.Zero(t, runs(t, "exec", "--nodes", urls, "--ttl", "2s", "-w", "5s", "job", "--", "true").status())
	assert.Greater(t, time.Since(began), 6*time.Second)

	// It's no longer than the command if that takes longer.
	p = runs(t, "exec", "--nodes", urls, "--at-least", "10ms", "job", "--", "sleep", "0.5")
	assert.Zero(t, p.status())
	assertFree(t, urls, "job")

	// Nothing is kept for a command that can't be run.
	script := t.TempDir() + "/script"
	require.NoError(t, os.WriteFile(script, []byte("\x7fELF, but no program"), 0o755))
	p = runs(t, "exec", "--nodes", urls, "--at-least", "1h", "job", "--", script)
	assert.Equal(t, statusCannotRun, p.status(), "%s", &p.errOut)
	assertFree(t, urls, "job")
}

func TestExecMaxHold(t *testing.T) {
	_, urls := startVoters(t, 3)
	file := t.TempDir() + "/term"
	p := runs(t, "exec", "--nodes", urls, "--ttl", "2s", "--kill-after", "500ms", "--max-hold", "3s", "job", "--",
		"sh", "-c", fmt.Sprintf("trap 'echo TERM >%s' TERM; while :; do sleep 0.05; done", file))
	assert.Equal(t, statusLost, p.status())
	assert.Contains(t, p.errOut.String(), "held for as long as --max-hold 3s allows")
	assert.Less(t, p.took, 3*time.Second+2*time.Second)
	assert.Greater(t, p.took, 2*time.Second)
	assert.FileExists(t, file, "it was asked first")
	assertFree(t, urls, "job")
	_, err := os.Stat(file)
	require.NoError(t, err)
}
