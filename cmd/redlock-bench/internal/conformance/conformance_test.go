package conformance

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

func self(fault, subjectName string) Worker {
	return Worker{Command: []string{os.Args[0], "worker", fault}, Subject: subjectName}
}

// run returns the errors of the checks that failed.
func run(t *testing.T, w Worker, backend cluster.Backend) map[string]error {
	failed := make(map[string]error)
	err := Run(t.Context(), w, cluster.Config{Backend: backend, Nodes: 3, Seed: 1}, func(r Result) {
		if r.Skipped != "" {
			assert.Contains(t, []string{"acquire: who waits gets the lock after its release", "acquire: with two lists of nodes, a majority of each is needed"}, r.Name)
			assert.NotEqual(t, "guarded", w.Subject)
		}
		if r.Err != nil {
			failed[r.Name] = r.Err
		}
	})
	if errors.Is(err, cluster.ErrNoRedisServer) && os.Getenv("REDLOCK_REQUIRE_REDIS") != "1" {
		t.Skip(err)
	}
	require.NoError(t, err)
	return failed
}

// runCheck makes one check.
func runCheck(t *testing.T, w Worker, name string) error {
	c, err := cluster.Start(t.Context(), cluster.Config{Nodes: 3, Seed: 1})
	require.NoError(t, err)
	defer func() { assert.NoError(t, c.Close()) }()
	all := slices.Concat(manners, locking)
	i := slices.IndexFunc(all, func(c check) bool { return c.name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return runOne(t.Context(), all[i], &bench{worker: w, cluster: c, lock: "job"})
}

func TestBuiltInSubjectsConform(t *testing.T) {
	for _, s := range subject.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, run(t, self("none", s.Name), cluster.Embedded))
		})
	}
}

func TestOnRealRedis(t *testing.T) {
	assert.Empty(t, run(t, self("none", "classic"), cluster.Redis))
}

func TestEachFaultIsFound(t *testing.T) {
	for fault, want := range map[string]struct{ check, message string }{
		"greets any version":       {"hello: another version is refused", "greeted version 99"},
		"exits with an error":      {"exit: the reply, and then the end with status 0", "ended with status 1"},
		"outlives its input":       {"the end of the input is the end of the worker", "still there after 10s"},
		"grants anything":          {"an unknown operation isn't granted", `granted the operation "steal"`},
		"overlooks garbage":        {"a line that isn't JSON ends the worker with a status other than 0", "still there after 10s"},
		"makes up its token":       {"acquire: the token is on a majority of the nodes that the lock uses", "on 0 of the 3 nodes"},
		"doesn't say why":          {"acquire: a lock that another worker holds is refused", "without an error that says why"},
		"doesn't wait":             {"acquire: who waits gets the lock after its release", "acquire was refused"},
		"counts one list":          {"acquire: with two lists of nodes, a majority of each is needed", "without a majority of the second list"},
		"doesn't look again":       {"check: no after the lock's time, and no write then", "write was granted"},
		"doesn't stop":             {"write: stop_after_check stops the process before the write", "not seen to take effect"},
		"writes in another's name": {"write: what was read goes to the resource", `by "clown 1"`},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			name := "classic"
			if fault == "doesn't wait" || fault == "counts one list" {
				name = "guarded" // others can't
			}
			err := runCheck(t, self(fault, name), want.check)
			assert.ErrorContains(t, err, want.message)
		})
	}
}

// TestBrokenLock is about a worker that speaks well and locks badly.
func TestBrokenLock(t *testing.T) {
	broken := self("none", "broken")
	assert.ErrorContains(t, runCheck(t, broken, "acquire: a lock that another worker holds is refused"), "two workers acquired")
	assert.ErrorContains(t, runCheck(t, broken, "acquire: nodes that don't answer end an attempt in bounded time"), "nodes that are stopped")
}

func TestWorkerThatCantGreet(t *testing.T) {
	failed := run(t, Worker{Command: []string{"/bin/false"}}, cluster.Embedded)
	assert.Len(t, failed, 1, "nothing else was asked")
	assert.ErrorContains(t, failed["hello: the greeting is answered"], "exit status 1")
}

func TestInterruption(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stop := errors.New("enough")
	began := time.Now()
	err := Run(ctx, self("none", "classic"), cluster.Config{Nodes: 3}, func(Result) { cancel(stop) })
	require.ErrorIs(t, err, stop)
	assert.Less(t, time.Since(began), 10*time.Second)
}

func TestNodesThatDontStart(t *testing.T) {
	err := Run(t.Context(), self("none", "classic"), cluster.Config{Nodes: -1}, func(Result) { t.Error("nothing was checked") })
	assert.Error(t, err)
}

// TestSlowStart has a worker that takes longer to start than a lock lives: no check may have a lock run out meanwhile.
func TestSlowStart(t *testing.T) {
	for _, name := range []string{"acquire: a lock that another worker holds is refused", "release: the next one gets the lock", "acquire: who waits gets the lock after its release"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, runCheck(t, self("starts slowly", "guarded"), name))
		})
	}
}
