package chaos

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

func blank(seed int64, duration time.Duration) Plan {
	return Plan{Seed: seed, Nodes: 5, Clients: 4, TTL: 1000, Duration: protocol.InMilliseconds(duration)}
}

func generate(t *testing.T, seed int64, duration time.Duration) Plan {
	p, err := Generate(blank(seed, duration), cluster.Redis, nil, 0)
	require.NoError(t, err)
	return p
}

func TestSameSeedGivesTheSamePlan(t *testing.T) {
	first, second, other := generate(t, 3, time.Minute), generate(t, 3, time.Minute), generate(t, 4, time.Minute)
	assert.Equal(t, first, second)
	assert.Equal(t, first.Fingerprint(), second.Fingerprint())
	assert.NotEqual(t, first.Fingerprint(), other.Fingerprint())
}

func TestPlanSurvivesJSON(t *testing.T) {
	p := generate(t, 1, time.Minute)
	var text bytes.Buffer
	require.NoError(t, p.WriteJSON(&text))
	again, err := ReadPlan(&text)
	require.NoError(t, err)
	assert.Equal(t, p, again)
}

func TestLongPlanHasEveryKind(t *testing.T) {
	counts := make(map[string]int)
	for _, f := range generate(t, 1, 15*time.Minute).Faults {
		counts[KindOf(f)]++
		assert.NotContains(t, f.String(), "between client and", "%+v", f)
	}
	for _, name := range Kinds() {
		least := 10
		if strings.HasPrefix(name, "rolling-") {
			least = 2 // five steps each, which don't fit in at every moment
		}
		if strings.HasPrefix(name, "replace-") {
			least = 2 // one at a time, and each takes long
		}
		assert.Greater(t, counts[name], least, name)
	}
	assert.Len(t, counts, len(Kinds()))
}

// compoundsOf counts the flushes of a plan by which a lock is left to a minority: all clients but one have been cut off from two other nodes for
// longer than a TTL, and that one is back from a pause as long.
func compoundsOf(p Plan) int {
	ttl, count := p.TTL.Duration(), 0
	for _, cut := range p.Faults {
		if cut.Kind != nemesis.Partition || len(cut.Clients) != p.Clients-1 || len(cut.Nodes) != 2 {
			continue
		}
		paused := slices.ContainsFunc(p.Faults, func(f nemesis.Fault) bool {
			return f.Kind == nemesis.PauseClient && f.At == cut.At && f.For > ttl && !slices.Contains(cut.Clients, f.Clients[0])
		})
		emptied := slices.ContainsFunc(p.Faults, func(f nemesis.Fault) bool {
			after := f.At - cut.At
			return f.Kind == nemesis.FlushNode && !slices.Contains(cut.Nodes, f.Nodes[0]) && after > ttl && after < cut.For
		})
		if paused && emptied {
			count++
		}
	}
	return count
}

func TestUsualMinuteHasCompoundFaults(t *testing.T) {
	for seed := range int64(20) {
		for _, backend := range []cluster.Backend{cluster.Embedded, cluster.Redis} {
			p, err := Generate(blank(seed, time.Minute), backend, nil, 0)
			require.NoError(t, err)
			require.GreaterOrEqual(t, compoundsOf(p), 6, "seed %d, %s", seed, backend)
			require.Empty(t, p.Outside())
			kinds := make(map[string]int)
			for _, f := range p.Faults {
				if !f.Hits(nemesis.OnVoters) {
					kinds[f.Variant()]++
				}
			}
			for kind, n := range kinds {
				require.Greater(t, n, 1, "seed %d, %s: %s might be skipped", seed, backend, kind)
			}
		}
	}
	for _, seed := range []int64{1, 2, 3} {
		p, err := Generate(blank(seed, time.Minute), cluster.Embedded, map[string]int{"partition": 1, "reset": 1, "pause-client": 1}, 0)
		require.NoError(t, err)
		require.Zero(t, compoundsOf(p), "only the kinds that were asked for")
	}
	for _, small := range []Plan{{Nodes: 2, Clients: 4}, {Nodes: 5, Clients: 1}} {
		small.TTL, small.Duration = 1000, 60_000
		p, err := Generate(small, cluster.Embedded, nil, 0)
		require.NoError(t, err)
		require.Zero(t, compoundsOf(p))
		require.Empty(t, p.Outside())
	}
}

func TestWeights(t *testing.T) {
	p, err := Generate(blank(1, time.Minute), cluster.Embedded, map[string]int{"flush": 1, "reset": 3}, 0)
	require.NoError(t, err)
	counts := make(map[string]int)
	for _, f := range p.Faults {
		counts[KindOf(f)]++
	}
	assert.Len(t, counts, 2)
	assert.Greater(t, counts["reset"], counts["flush"])
}

// damagedAt is the safety model's rule about a minority, once more and by looking at one moment.
func damagedAt(p Plan, at time.Duration) int {
	nodes := make(map[int]bool)
	for _, f := range p.Faults {
		lossy := f.Kind == nemesis.FlushNode || f.Kind == nemesis.Failover || f.Kind == nemesis.Evict || f.Disk == cluster.Lying || f.Kind == nemesis.CrashNode && f.Memory == cluster.Lose
		bent := f.Kind == nemesis.ClockJump || f.Kind == nemesis.ClockStrobe || f.Kind == nemesis.ClockRate && (f.Rate < 0.99 || f.Rate > 1.01)
		if (lossy || bent) && f.At <= at && at <= f.At+f.For+p.TTL.Duration()*3/2 {
			nodes[f.Nodes[0]] = true
		}
	}
	return len(nodes)
}

func TestPlansKeepToTheModel(t *testing.T) {
	most := 0
	for seed := range int64(20) {
		for _, nodes := range []int{1, 2, 3, 5, 7} {
			start := blank(seed, 30*time.Second)
			start.Nodes = nodes
			p, err := Generate(start, cluster.Redis, nil, 0)
			require.NoError(t, err)
			require.Empty(t, p.Outside())
			for at := time.Duration(0); at < p.Duration.Duration(); at += 10 * time.Millisecond {
				damaged := damagedAt(p, at)
				require.LessOrEqual(t, damaged, (nodes-1)/2, "seed %d, %d nodes, at %v", seed, nodes, at)
				most = max(most, damaged)
			}
		}
	}
	assert.Equal(t, 3, most, "a plan should go to the limit")
}

func TestFaultsOutsideOfTheModelAreNamed(t *testing.T) {
	at := 2 * time.Second
	for name, faults := range map[string][]nemesis.Fault{
		"a majority forgets": {
			{Kind: nemesis.FlushNode, Nodes: []int{0}, At: at}, {Kind: nemesis.FlushNode, Nodes: []int{1}, At: at},
			{Kind: nemesis.FlushNode, Nodes: []int{2}, At: at},
		},
		"forwards and soon back":   {{Kind: nemesis.ClockJump, Nodes: []int{0}, At: at, By: time.Minute, For: time.Second / 2}},
		"backwards and late back":  {{Kind: nemesis.ClockJump, Nodes: []int{0}, At: at, By: -time.Minute, For: 2 * time.Second}},
		"a partition without end":  {{Kind: nemesis.Partition, Nodes: []int{0}, At: at}},
		"a rate for a moment only": {{Kind: nemesis.ClockRate, Nodes: []int{0}, Rate: 2, At: at, For: time.Second / 2}},
	} {
		t.Run(name, func(t *testing.T) {
			p := blank(1, 10*time.Second)
			p.Faults = faults
			require.NoError(t, p.Validate())
			assert.Equal(t, faults[len(faults)-1:], p.Outside())
		})
	}
}

func TestBadPlansAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                       "chaos: plan",
		`{"faultz":[]}`:           `unknown field "faultz"`,
		`{"nodes":0}`:             "0 nodes",
		plan(`"clients":99`):      "99 clients: give from 1 to 32",
		plan(`"ttl_ms":1`):        "TTL of 1ms: give from 200ms to 5s",
		plan(`"duration_ms":100`): "duration of 100ms: give from 5s",
		plan(`"faults":[{"kind":"pause-client","nodes":[],"clients":[4],"at":"1s","for":"1s"}]`):         "client 4: give from 0 to 3",
		plan(`"faults":[{"kind":"pause-client","nodes":[],"clients":[1],"at":"1s"}]`):                    "for 0s",
		plan(`"faults":[{"kind":"crash-node","nodes":[1],"memory":"power-loss","at":"1s"}]`):             "needs a checkpoint",
		plan(`"faults":[{"kind":"flush","nodes":[1,2],"at":"1s"}]`):                                      "it has 2 nodes",
		plan(`"faults":[{"kind":"flush","nodes":[5],"at":"1s"}]`):                                        "node 5: give from 0 to 4",
		plan(`"faults":[{"kind":"flush","nodes":[1],"at":"2s"},{"kind":"flush","nodes":[1],"at":"1s"}]`): "order of time",
		plan(`"faults":[{"kind":"crash-node","nodes":[1],"memory":"keep","series":"quake","at":"1s"}]`):  `chaos has no "quake"`,
		plan(`"spares":2`): "2 spare nodes: give 0 or 1",
		plan(`"faults":[{"kind":"replace-voter","nodes":[1],"at":"1s","for":"1s"}]`): "no node to take the place",
		plan(`"faults":[{"kind":"earthquake","nodes":[1],"at":"1s"}]`):               `no fault "earthquake"`,
	} {
		_, err := ReadPlan(strings.NewReader(text))
		assert.ErrorContains(t, err, want, text)
	}
	for want, weights := range map[string]map[string]int{
		`no fault "floods"`:            {"floods": 1},
		"weight -1 of flush":           {"flush": -1},
		"every fault has the weight 0": {"flush": 0},
		`embedded can't have the fault "evict-all"; there are pause-node,`: {"flush": 1, "evict-all": 1},
	} {
		_, err := Generate(blank(1, time.Minute), cluster.Embedded, weights, 0)
		assert.ErrorContains(t, err, want)
	}
}

// TestPlansSuitTheirNodes shows that a plan has no fault that its nodes can't have, and that one from elsewhere is refused.
func TestPlansSuitTheirNodes(t *testing.T) {
	p, err := Generate(blank(1, 10*time.Minute), cluster.Embedded, nil, 0)
	require.NoError(t, err)
	require.NoError(t, p.Suits(cluster.Embedded))
	counts := make(map[string]int)
	for _, f := range p.Faults {
		counts[KindOf(f)]++
	}
	assert.Len(t, counts, len(KindsOn(cluster.Embedded)))
	assert.Less(t, len(counts), len(Kinds()))
	real := generate(t, 1, 10*time.Minute)
	require.NoError(t, real.Suits(cluster.Redis))
	require.ErrorContains(t, real.Suits(cluster.Embedded), "nodes of the backend embedded can't have the fault")
}

// plan is a good plan's JSON in which the given field comes last, and so counts.
func plan(field string) string {
	return `{"seed":1,"nodes":5,"clients":4,"ttl_ms":1000,"duration_ms":10000,` + field + `}`
}
