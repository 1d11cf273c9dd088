package redlock_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/sim"
)

var (
	simSeeds = flag.Int("sim.seeds", 25, "how many seeds TestSimulation runs")
	simFirst = flag.Uint64("sim.first", 1, "the first of them")
	simSeed  = flag.Uint64("sim.seed", 0, "run only this seed and, with -v, print its trace")
)

// simulatePlan runs one seed.
func simulatePlan(t *testing.T, plan *sim.Plan, trace io.Writer, replay func(seed uint64) string) (report *sim.Report) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil { // synctest's way to report goroutines that wait for ever
			panic(fmt.Sprintf("%v\n%s", p, replay(plan.Seed)))
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		report = sim.Run(t, plan, repeatable, trace)
	})
	return report
}

func repeatable(nodes []redis.UniversalClient, s sim.Sources, opts ...redlock.Option) (*redlock.Locker, error) {
	return redlock.NewRepeatable(nodes, s.Token, s.Jitter, s.Wall, opts...)
}

func replay(seed uint64) string {
	return fmt.Sprintf("replay: go test ./redlock -run 'TestSimulation$' -sim.seed=%d -v", seed)
}

// TestSimulation hunts for what nobody thought of. See package sim for what it does.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulateOne(t, sim.NewPlan(*simSeed), replay)
		return
	}
	all := simulateAll(t, *simSeeds, sim.NewPlan, replay)
	t.Cleanup(func() { // when the workers are done
		if *simSeeds >= 100 {
			assert.Positive(t, all.changes.Load(), "a simulation that never changes the list of voters can't break a promise by that")
		}
	})
}

// TestChangesSimulation is TestSimulation of runs that all change the list of voters. They take five times as long as others, so it's a quarter of the seeds.
func TestChangesSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulateOne(t, sim.NewChangesPlan(*simSeed), replayChanges)
		return
	}
	seeds := *simSeeds/4 + 1
	all := simulateAll(t, seeds, sim.NewChangesPlan, replayChanges)
	t.Cleanup(func() {
		assert.Greater(t, all.changes.Load(), int64(seeds), "one change in a run leaves nothing behind that a further one could break")
	})
}

func replayChanges(seed uint64) string {
	return fmt.Sprintf("replay: go test ./redlock -run 'TestChangesSimulation$' -sim.seed=%d -v", seed)
}

// simulateOne runs one seed and, with -v, prints its trace.
func simulateOne(t *testing.T, plan *sim.Plan, replay func(seed uint64) string) {
	var trace io.Writer = io.Discard
	if testing.Verbose() {
		trace = os.Stdout
	}
	report := simulatePlan(t, plan, trace, replay)
	t.Logf("%d attempts, %d acquired, %d commands; overtaken %d times, idle for %v", report.Attempts, report.Acquired, report.Commands, report.Overtaken, report.Idle)
	require.Empty(t, report.Violations)
}

// simulated is what runs have in all.
type simulated struct{ acquired, attempts, commands, takeovers, changes atomic.Int64 }

// simulateAll runs so many seeds, as many at a time as there are processors, and has the test fail by the first that breaks a promise.
func simulateAll(t *testing.T, seeds int, plan func(seed uint64) *sim.Plan, replay func(seed uint64) string) *simulated {
	gc := debug.SetGCPercent(400) // Lua's interpreters are made anew for each script
	all := &simulated{}
	var next atomic.Int64
	var failed atomic.Bool
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint("worker ", worker), func(t *testing.T) {
			t.Parallel()
			for !failed.Load() {
				i := next.Add(1) - 1
				if i >= int64(seeds) {
					return
				}
				seed := *simFirst + uint64(i)
				report := simulatePlan(t, plan(seed), nil, replay)
				all.attempts.Add(int64(report.Attempts))
				all.acquired.Add(int64(report.Acquired))
				all.commands.Add(int64(report.Commands))
				all.takeovers.Add(int64(report.Takeovers))
				all.changes.Add(int64(report.Changes))
				if len(report.Violations) > 0 {
					failed.Store(true)
					t.Errorf("seed %d broke a promise:\n%s\n%s", seed, strings.Join(report.Violations, "\n"), replay(seed))
				}
			}
		})
	}
	t.Cleanup(func() {
		debug.SetGCPercent(gc)
		t.Logf("%d attempts, %d acquired, %d records taken over at voters, %d changes of the list of voters, %d commands",
			all.attempts.Load(), all.acquired.Load(), all.takeovers.Load(), all.changes.Load(), all.commands.Load())
		assert.Positive(t, all.acquired.Load(), "a simulation that takes no lock can't break a promise")
	})
	return all
}

func TestSimulationRepeats(t *testing.T) {
	for name, plan := range map[string]func(seed uint64) *sim.Plan{"one list": sim.NewPlan, "changes of the list": sim.NewChangesPlan} {
		for _, seed := range []uint64{2, 3} {
			var first bytes.Buffer
			simulatePlan(t, plan(seed), &first, replay)
			require.Greater(t, first.Len(), 10_000)
			for range 3 {
				var again bytes.Buffer
				simulatePlan(t, plan(seed), &again, replay)
				require.Equal(t, first.String(), again.String(), "%s, seed %d", name, seed)
			}
		}
	}
}
