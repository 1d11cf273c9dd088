package redlockprom_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlockprom"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
	"github.com/a5bbb083/redlock/redlock/redlocktest/lockertest"
)

// work lets a locker do everything that there's a metric for.
func work(t *testing.T, o redlockprom.Options) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	synctest.Test(t, func(t *testing.T) {
		q := redlocktest.New(t, 3)
		m := redlockprom.New(o)
		r.MustRegister(m)
		l := lockertest.New(t, q.Member("a"), redlock.WithHooks(m.Hooks()))
		lk, err := l.TryLock(t.Context(), "invoice:1")
		require.NoError(t, err)
		_, err = l.TryLock(t.Context(), "invoice:1")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		require.NoError(t, lk.Extend(t.Context()))
		time.Sleep(2 * time.Second)
		require.NoError(t, lk.Unlock(t.Context()))
		q.Node(2).Crash()
		_, err = l.TryLock(t.Context(), "invoice:2", redlock.AutoRenew(true), redlock.MaxHold(20*time.Second))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		synctest.Wait()
	})
	return r
}

func TestMetrics(t *testing.T) {
	r := work(t, redlockprom.Options{Buckets: []float64{1, 10}})
	require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP redlock_attempts_total How many attempts acquisitions of locks made.
# TYPE redlock_attempts_total counter
redlock_attempts_total 3
# HELP redlock_hold_duration_seconds How long locks were held.
# TYPE redlock_hold_duration_seconds histogram
redlock_hold_duration_seconds_bucket{end="lost",le="1"} 0
redlock_hold_duration_seconds_bucket{end="lost",le="10"} 0
redlock_hold_duration_seconds_bucket{end="lost",le="+Inf"} 1
redlock_hold_duration_seconds_sum{end="lost"} 20
redlock_hold_duration_seconds_count{end="lost"} 1
redlock_hold_duration_seconds_bucket{end="released",le="1"} 0
redlock_hold_duration_seconds_bucket{end="released",le="10"} 1
redlock_hold_duration_seconds_bucket{end="released",le="+Inf"} 1
redlock_hold_duration_seconds_sum{end="released"} 2
redlock_hold_duration_seconds_count{end="released"} 1
# HELP redlock_lost_total How many locks were lost.
# TYPE redlock_lost_total counter
redlock_lost_total 1
# HELP redlock_voter_usable Whether a voter is of use (1) or not (0).
# TYPE redlock_voter_usable gauge
redlock_voter_usable{voter="192.0.2.1:6379"} 1
redlock_voter_usable{voter="192.0.2.2:6379"} 1
redlock_voter_usable{voter="192.0.2.3:6379"} 0
`), "redlock_attempts_total", "redlock_hold_duration_seconds", "redlock_lost_total", "redlock_voter_usable"))
	families, err := r.Gather()
	require.NoError(t, err)
	counts := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "redlock_operation_duration_seconds" {
				require.Len(t, m.GetLabel(), 2)
				counts[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetHistogram().GetSampleCount()
			}
		}
	}
	assert.Equal(t, uint64(2), counts["acquire ok"])
	assert.Equal(t, uint64(1), counts["acquire held"])
	assert.Equal(t, uint64(1), counts["release ok"])
	assert.Greater(t, counts["extend ok"], uint64(3))
}

// Names are labels only of a function's making.
func TestNameLabel(t *testing.T) {
	r := work(t, redlockprom.Options{NameLabel: func(name string) string { kind, _, _ := strings.Cut(name, ":"); return kind }})
	require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP redlock_lost_total How many locks were lost.
# TYPE redlock_lost_total counter
redlock_lost_total{name="invoice"} 1
`), "redlock_lost_total"))
}

// The dashboard asks for metrics that there are, and shows each of them.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../docs/grafana.json")
	require.NoError(t, err)
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &board))
	families, err := work(t, redlockprom.Options{}).Gather()
	require.NoError(t, err)
	exported, labels := map[string]bool{}, map[string]bool{"le": true}
	for _, f := range families {
		exported[f.GetName()] = false
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = true
			}
		}
	}
	metric := regexp.MustCompile(`redlock_[a-z_]+`)
	grouped := regexp.MustCompile(`by \(([a-z, ]+)\)|([a-z]+)="`)
	for _, p := range board.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			names := metric.FindAllString(target.Expr, -1)
			assert.NotEmpty(t, names, p.Title)
			for _, name := range names {
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					if base, found := strings.CutSuffix(name, suffix); found {
						name = base
					}
				}
				_, known := exported[name]
				assert.True(t, known, "%s: nothing exports %s", p.Title, name)
				exported[name] = true
			}
			for _, match := range grouped.FindAllStringSubmatch(target.Expr, -1) {
				for _, label := range strings.Split(match[1]+match[2], ", ") {
					assert.True(t, labels[label], "%s: no label %q", p.Title, label)
				}
			}
		}
	}
	for name, shown := range exported {
		assert.True(t, shown, "no panel shows %s", name)
	}
}
