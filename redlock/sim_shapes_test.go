package redlock_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/internal/sim"
)

func simulateShapes(t *testing.T, seed uint64, trace io.Writer) (report *sim.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		report = sim.Run(t, sim.NewShapesPlan(seed), repeatable, trace)
	})
	return report
}

// TestShapesSimulation is TestSimulation of what is built on the plain lock: all or none, leaders, slots, AtLeast and MaxHold.
func TestShapesSimulation(t *testing.T) {
	first, seeds := *simFirst, *simSeeds
	trace := io.Writer(nil)
	if *simSeed != 0 {
		first, seeds = *simSeed, 1
		if testing.Verbose() {
			trace = os.Stdout
		}
	}
	acquired := 0
	for seed := first; seed < first+uint64(seeds); seed++ {
		report := simulateShapes(t, seed, trace)
		acquired += report.Acquired
		require.Empty(t, report.Violations, "seed %d broke a promise:\n%s\nreplay: go test ./redlock -run 'TestShapesSimulation$' -sim.seed=%d -v",
			seed, strings.Join(report.Violations, "\n"), seed)
	}
	t.Logf("%d acquired", acquired)
	assert.Positive(t, acquired, "a simulation that takes no lock can't break a promise")
}

func TestShapesSimulationRepeats(t *testing.T) {
	for seed := uint64(1); seed <= 2; seed++ {
		var first, again bytes.Buffer
		simulateShapes(t, seed, &first)
		simulateShapes(t, seed, &again)
		require.Equal(t, first.String(), again.String(), fmt.Sprint("seed ", seed))
	}
}
