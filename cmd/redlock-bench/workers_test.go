package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMinimalWorkers has the workers of testdata/workers, which were written from docs/worker-protocol.md alone. Each must
// pass every check of the protocol, and be judged.
func TestMinimalWorkers(t *testing.T) {
	for file, needs := range map[string][]string{
		"worker.py": {"python3"},
		"worker.sh": {"sh", "redis-cli", "curl", "timeout"},
	} {
		t.Run(file, func(t *testing.T) {
			for _, program := range needs {
				if _, err := exec.LookPath(program); err != nil {
					require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_WORKERS"), err)
					t.Skip(err)
				}
			}
			worker := "../../testdata/workers/" + file
			got := bench(t.Context(), "worker-check", worker)
			require.Zero(t, got.status, got.out)
			assert.Regexp(t, `(?m)^ok   write: stop_after_check stops the process`, got.out)
			// Only what the document leaves to a worker: neither has a queue, nor counts two lists.
			assert.Equal(t, 2, strings.Count(got.out, "skip"), got.out)
			assert.Regexp(t, `(?m)^skip acquire: who waits gets the lock after its release: its locks can't be waited for`, got.out)
			assert.Regexp(t, `(?m)^skip acquire: with two lists of nodes, a majority of each is needed: its locks can't`, got.out)

			got = bench(t.Context(), "run", "control", "stale-unlock", "--worker", "mine="+worker, "--subject", "mine", "--strict")
			assert.Zero(t, got.status, got.out)
			assert.Regexp(t, `(?m)^control +held$`, got.out)
			assert.Regexp(t, `(?m)^stale-unlock +held$`, got.out)
		})
	}
}
