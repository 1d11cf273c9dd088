package redlock_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/redistest"
)

var updateErrors = flag.Bool("servererrors.update", false, "write what the running version of the server says to testdata/servererrors")

// complaint is what a server said in a situation, and what that is to be taken for.
type complaint struct {
	situation string
	outcome   redlock.Outcome
	// remedy is part of what the diagnosis advises; empty where there's nothing to do.
	remedy string
	err    error
}

// Each kind of error is provoked on the version of the server that is there. It has to be
// classified, and it has to be word for word what testdata/servererrors has for that version.
func TestRealServerErrors(t *testing.T) {
	version := redistest.Start(t).Version()
	var said []complaint
	for name, provoke := range map[string]func(*testing.T) []complaint{
		"keys": badKeys, "rights": missingRights, "passwords": badPasswords, "commands": missingCommands,
		"resources": scarceResources, "busy": busyServer, "clients": tooManyClients, "disk": brokenDisk,
		"replica": replicaOnly, "loading": loadingReplica, "cluster": clusterNodes,
	} {
		t.Run(name, func(t *testing.T) {
			these := provoke(t)
			for _, c := range these {
				require.Error(t, c.err, "%s: the fault took no effect", c.situation)
				requireDiagnosis(t, c, redlock.Diagnose(c.err))
			}
			said = append(said, these...)
		})
	}
	if !t.Failed() {
		compareWithTable(t, version, said)
	}
}

func requireDiagnosis(t *testing.T, c complaint, d redlock.Diagnosis) {
	t.Helper()
	what := fmt.Sprintf("%s: %v", c.situation, c.err)
	assert.Equal(t, c.outcome, d.Outcome, what)
	assert.NotEmpty(t, d.Cause, what)
	assert.Contains(t, d.Remedy, c.remedy, what)
	if c.outcome == redlock.Unfit {
		assert.NotEmpty(t, d.Remedy, what)
	}
}

const errorTables = "testdata/servererrors"

// tableOf returns the rows of a version's table by their situation: outcome and text.
func tableOf(t *testing.T, file string) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	rows := make(map[string][2]string)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.SplitN(line, " | ", 3)
		require.Len(t, cells, 3, "%s: %q isn't SITUATION | OUTCOME | TEXT", file, line)
		situation := strings.TrimSpace(cells[0])
		require.NotContains(t, rows, situation, file)
		rows[situation] = [2]string{strings.TrimSpace(cells[1]), cells[2]}
	}
	return rows
}

func compareWithTable(t *testing.T, version redistest.Version, said []complaint) {
	t.Helper()
	file := filepath.Join(errorTables, version.String()+".txt")
	if *updateErrors {
		writeTable(t, file, version, said)
	}
	if _, err := os.Stat(file); os.IsNotExist(err) {
		t.Logf("no table for %v; everything that it says was understood all the same", version)
		return
	}
	rows := tableOf(t, file)
	for _, c := range said {
		assert.Equal(t, [2]string{c.outcome.String(), literal(c.err)}, rows[c.situation], "%s in %s; if that's right, -servererrors.update", c.situation, file)
		delete(rows, c.situation)
	}
	assert.Empty(t, rows, "in %s, but nothing provokes them", file)
}

func writeTable(t *testing.T, file string, version redistest.Version, said []complaint) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What %v says when it refuses something, and what that is taken for: each situation is provoked by\n"+
		"# TestRealServerErrors. Hashes, ports and epochs have been made alike.\n", version)
	rows := make(map[string]string)
	for _, c := range said {
		rows[c.situation] = fmt.Sprintf("%-30s | %-7v | %s\n", c.situation, c.outcome, literal(c.err))
	}
	for _, situation := range sortedKeys(rows) {
		b.WriteString(rows[situation])
	}
	require.NoError(t, os.MkdirAll(errorTables, 0o755))
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
}

var variable = map[string]*regexp.Regexp{
	"0123456789012345678901234567890123456789": regexp.MustCompile(`[0-9a-f]{40}`),
	"127.0.0.1:6379": regexp.MustCompile(`127\.0\.0\.1:\d+`),
}

// literal is an error's text without what differs from run to run.
func literal(err error) string {
	text := err.Error()
	for constant, pattern := range variable {
		text = pattern.ReplaceAllString(text, constant)
	}
	return strings.TrimSpace(text)
}

// single returns a client that asks once and doesn't hide what comes of it.
func single(t *testing.T, s *redistest.Server, o redis.Options) *redis.Client {
	t.Helper()
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	return s.Client(&o)
}

// say runs a command as the library does, in a pipeline, and returns what Exec does. Where the
// connection can't be set up the error stands nowhere else.
func say(t *testing.T, c *redis.Client, args ...any) error {
	t.Helper()
	pipe := c.Pipeline()
	pipe.Do(t.Context(), args...)
	return execute(t, pipe)
}

func execute(t *testing.T, pipe redis.Pipeliner) error {
	t.Helper()
	if _, err := pipe.Exec(t.Context()); !errors.Is(err, redis.Nil) {
		return err
	}
	return nil
}

// eval is say with a script.
func eval(t *testing.T, c *redis.Client, script string, keys ...string) error {
	t.Helper()
	args := []any{"EVAL", script, len(keys)}
	for _, key := range keys {
		args = append(args, key)
	}
	return say(t, c, args...)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
