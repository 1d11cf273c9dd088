package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

// asProgram in the environment makes the test binary be redlock-bench itself, which also runs
// itself as the workers.
const asProgram = "REDLOCK_BENCH_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	// For the workers of the commands that are run inside the test itself.
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// result is what a command line did.
type result struct {
	status      int
	out, errOut string
}

func bench(ctx context.Context, args ...string) result {
	var out, errOut bytes.Buffer
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errOut)
	cmd, err := root.ExecuteContextC(ctx)
	status := exitStatus(&errOut, cmd, err)
	return result{status, out.String(), errOut.String()}
}

// requireRedis skips where the backend needs a redis-server and there is none, unless one is required.
func requireRedis(t *testing.T, backend string) {
	if backend != "redis" || os.Getenv("REDLOCK_REQUIRE_REDIS") == "1" {
		return
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip(err)
	}
}

// golden compares text with a file.
func golden(t *testing.T, file, got string) {
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
