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

// simulate runs one seed.
func simulate(t *testing.T, seed uint64, trace io.Writer) (report *sim.Report) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil { // synctest's way to report goroutines that wait for ever
			panic(fmt.Sprintf("%v\n%s", p, replay(seed)))
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		report = sim.Run(t, sim.NewPlan(seed), repeatable, trace)
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
		var trace io.Writer = io.Discard
		if testing.Verbose() {
			trace = os.Stdout
		}
		report := simulate(t, *simSeed, trace)
		t.Logf("%d attempts, %d acquired, %d commands; overtaken %d times, idle for %v", report.Attempts, report.Acquired, report.Commands, report.Overtaken, report.Idle)
		require.Empty(t, report.Violations)
		return
	}
	gc := debug.SetGCPercent(400) // Lua's interpreters are made anew for each script
	var next, acquired, attempts, commands, takeovers, changes atomic.Int64
	var failed atomic.Bool
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint("worker ", worker), func(t *testing.T) {
			t.Parallel()
			for !failed.Load() {
				i := next.Add(1) - 1
				if i >= int64(*simSeeds) {
					return
				}
				seed := *simFirst + uint64(i)
				report := simulate(t, seed, nil)
				attempts.Add(int64(report.Attempts))
				acquired.Add(int64(report.Acquired))
				commands.Add(int64(report.Commands))
				takeovers.Add(int64(report.Takeovers))
				changes.Add(int64(report.Changes))
				if len(report.Violations) > 0 {
					failed.Store(true)
					t.Errorf("seed %d broke a promise:\n%s\n%s", seed, strings.Join(report.Violations, "\n"), replay(seed))
				}
			}
		})
	}
	t.Cleanup(func() {
		debug.SetGCPercent(gc)
		t.Logf("%d attempts, %d acquired, %d records taken over at voters, %d changes of the list of voters, %d commands", attempts.Load(), acquired.Load(), takeovers.Load(), changes.Load(), commands.Load())
		assert.Positive(t, acquired.Load(), "a simulation that takes no lock can't break a promise")
		if *simSeeds >= 25 {
			assert.Positive(t, changes.Load(), "nor one that never changes the list of voters")
		}
	})
}

func TestSimulationRepeats(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, 10} { // 1 and 10 change the list of voters
		var first bytes.Buffer
		simulate(t, seed, &first)
		require.Greater(t, first.Len(), 10_000)
		for range 3 {
			var again bytes.Buffer
			simulate(t, seed, &again)
			require.Equal(t, first.String(), again.String(), "seed %d", seed)
		}
	}
}
