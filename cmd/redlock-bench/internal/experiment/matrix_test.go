package experiment

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

func spec(s scenario.Scenario, sub subject.Subject, backend cluster.Backend) Spec {
	return Spec{
		Scenario: s, Subject: sub, Worker: []string{os.Args[0], "worker"}, Timeout: 2 * time.Minute,
		Cluster: cluster.Config{Backend: backend, Nodes: 5, Seed: 1},
	}
}

// testMatrix runs every scenario under every subject and compares the verdicts with the table.
func testMatrix(t *testing.T, backend cluster.Backend) {
	var specs []Spec
	for _, s := range scenario.On(backend) {
		for _, sub := range subject.All() {
			specs = append(specs, spec(s, sub, backend))
		}
	}
	done := 0
	outcomes, err := Run(t.Context(), specs, 4, func(*Outcome) { done++ })
	if errors.Is(err, cluster.ErrNoRedisServer) && os.Getenv("REDLOCK_REQUIRE_REDIS") != "1" {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.Len(t, outcomes, len(specs))
	assert.Equal(t, len(specs), done)
	for i, o := range outcomes {
		name := o.Spec.Scenario.Name + " under " + o.Spec.Subject.Name
		assert.Equal(t, specs[i].Scenario.Name, o.Spec.Scenario.Name, "order")
		assert.NoError(t, o.Err, name)
		assert.True(t, o.AsExpected(), "%s: %+v, expected %+v: %q", name, o.Judgement, o.Expected, o.Evidence)
		assert.NotEmpty(t, o.Evidence, name)
		assert.Positive(t, o.Acquired+o.Refused, name)
		assert.Equal(t, o.Exclusion == check.Violated, o.Overlap > 0, name)
		// Reading another clock costs nothing; all other guards make clients wait.
		if guard := o.Spec.Scenario.Guard; guard != "" && guard != "suspend" && o.Spec.Subject.Name == "guarded" {
			assert.Positive(t, o.Refused, name)
			assert.Positive(t, o.Unavailable, name)
		}
		// Under guarded it depends on whether the clocks were known; its ghosts are over by their own deadline.
		if o.Spec.Scenario.Name == "ghost-request" && o.Spec.Subject.Name != "guarded" {
			assert.Positive(t, o.Ghosts, name)
		}
		if o.Spec.Scenario.Name == "control" {
			assert.Empty(t, o.History.Faults)
			assert.Len(t, o.History.Writes, o.Acquired*writesPerTurn(o), name)
		}
	}
}

// writesPerTurn is how many registers a client of the control writes to.
func writesPerTurn(o *Outcome) int {
	if o.Spec.Subject.Fencing {
		return 2
	}
	return 1
}

func TestMatrixOnEmbeddedNodes(t *testing.T) { testMatrix(t, cluster.Embedded) }
func TestMatrixOnRealRedis(t *testing.T)     { testMatrix(t, cluster.Redis) }
