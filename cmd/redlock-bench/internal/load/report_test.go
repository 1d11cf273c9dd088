package load

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

// result is what a process says that acquired one lock in each of the given times.
func result(took ...time.Duration) *loadgen.Result {
	r := &loadgen.Result{
		Locks: int64(len(took)), PerClient: []int64{int64(len(took)), 1}, Acquire: loadgen.NewLatencies(), Release: loadgen.NewLatencies(),
		Failed: map[string]int64{"taken": 3}, Usage: loadgen.Usage{CPU: 6 * ms, Mallocs: 12, Bytes: 600},
	}
	for _, d := range took {
		r.Acquire.Record(d)
		r.Release.Record(d / 2)
	}
	return r
}

func TestRound(t *testing.T) {
	c := Config{Duration: 2 * time.Second}
	r := newRound(&c, []*loadgen.Result{result(ms, 2*ms, 3*ms), result(4*ms, 4*ms, 4*ms)}, 0,
		serverUse{calls: map[string]int64{"set": 30, "del": 12}, in: 600, out: 60, cpu: 3 * ms})
	assert.EqualValues(t, 6, r.Locks)
	for key, want := range map[string]float64{
		"locks_per_second":         3,
		"acquire_p50_us":           3000,
		"acquire_p99_us":           4000,
		"release_p50_us":           1500,
		"busiest_client_locks":     3,
		"idlest_client_locks":      1,
		"busiest_over_idlest":      3,
		"client_cpu_per_lock_us":   2000,
		"servers_cpu_per_lock_us":  500,
		"allocations_per_lock":     4,
		"allocated_per_lock_bytes": 200,
		"commands_per_lock":        7,
		"sent_per_lock_bytes":      100,
		"received_per_lock_bytes":  10,
		"failed_per_lock":          1,
	} {
		assert.InDelta(t, want, r.Values[key], want/500, key)
	}
	assert.NotContains(t, r.Values, "handoff_p50_us", "nothing was handed over")
	assert.Equal(t, map[string]float64{"set": 5, "del": 2}, r.Commands)
	assert.Equal(t, map[string]int64{"taken": 6}, r.Failed)
}

func TestRoundWithoutLocks(t *testing.T) {
	c := Config{Duration: time.Second}
	r := newRound(&c, []*loadgen.Result{{PerClient: []int64{0}, Acquire: loadgen.NewLatencies(), Release: loadgen.NewLatencies()}}, 0, serverUse{})
	assert.NotContains(t, r.Values, "client_cpu_per_lock_us")
	_, err := json.Marshal(r)
	assert.NoError(t, err, "no infinities")
}

func TestRatios(t *testing.T) {
	r := newReport(Config{Subjects: []Subject{{Name: "plain"}, {Name: "redsync"}, {Name: "other"}}})
	assert.Equal(t, "redsync", r.Baseline, "wherever it stands")
	for i, rates := range [][3]float64{{20, 10, 5}, {50, 100, 25}, {90, 30, 0}} {
		var rounds []*Round
		for j, rate := range rates {
			c := Config{Duration: time.Second}
			round := newRound(&c, []*loadgen.Result{result(ms)}, 0, serverUse{})
			round.Values = map[string]float64{"locks_per_second": rate, "unfinished": 7}
			if i == 2 && j == 2 {
				delete(round.Values, "locks_per_second") // not measured
			}
			rounds = append(rounds, round)
		}
		r.add(rounds)
	}
	r.summarise()
	plain, redsync, other := r.Subjects[0], r.Subjects[1], r.Subjects[2]
	assert.Equal(t, Spread{Median: 50, Min: 20, Max: 90}, plain.Summary["locks_per_second"])
	assert.Equal(t, Spread{Median: 2, Min: 0.5, Max: 3}, plain.Ratios["locks_per_second"], "of the same rounds")
	assert.Equal(t, Spread{Median: 0.375, Min: 0.25, Max: 0.5}, other.Ratios["locks_per_second"], "the middle of two")
	assert.Empty(t, redsync.Ratios)
	assert.NotContains(t, plain.Ratios, "unfinished", "it can't be compared")
	assert.EqualValues(t, 3, plain.Acquire.Count(), "all rounds")
	assert.Equal(t, []*SubjectReport{plain, other}, r.Others())
	assert.Equal(t, "plain", newReport(Config{Subjects: []Subject{{Name: "plain"}, {Name: "x"}}}).Baseline)

	var b strings.Builder
	require.NoError(t, (&Series{Runs: []*Report{r}}).WriteJSON(&b))
	var back Series
	require.NoError(t, json.Unmarshal([]byte(b.String()), &back))
	assert.Equal(t, plain.Ratios, back.Runs[0].Subjects[0].Ratios)
	assert.EqualValues(t, 3, back.Runs[0].Subjects[0].Acquire.Count(), "histograms can be read again")
}

func TestOverlaps(t *testing.T) {
	r := newReport(Config{Subjects: []Subject{{Name: "a"}, {Name: "b"}}})
	c := Config{Duration: time.Second}
	good := newRound(&c, []*loadgen.Result{result(ms)}, 0, serverUse{})
	bad := newRound(&c, []*loadgen.Result{result(ms)}, 0, serverUse{})
	bad.Overlaps = 2
	r.add([]*Round{good, bad})
	r.add([]*Round{good, bad})
	assert.Equal(t, map[string]int{"b": 4}, r.Overlaps())
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0004: "0.0004", 0.1236: "0.124", 0.9996: "1.00", 1.234: "1.23", 9.996: "10.0", 99.96: "100", 123456.7: "123457"} {
		assert.Equal(t, want, Number(v))
	}
}
