// Package redlockprom counts and times what a locker does, for Prometheus.
//
//	metrics := redlockprom.New(redlockprom.Options{})
//	prometheus.MustRegister(metrics)
//	locker, err := redlock.Dial(ctx, urls, redlock.WithHooks(metrics.Hooks()))
//
// The metrics are
//
//   - redlock_operation_duration_seconds: how long operations took, by operation (acquire, extend, release) and result
//     (see [redlock.Event.Result]). An acquisition's time includes all waiting.
//   - redlock_hold_duration_seconds: how long locks were held until they were released or lost, by end (released, lost).
//   - redlock_attempts_total: how many attempts the acquisitions made.
//   - redlock_lost_total: how many locks were lost.
//   - redlock_voter_usable: 1 for a voter that is of use, 0 for one that isn't.
//
// docs/grafana.json in the repository is a dashboard for them.
package redlockprom

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/a5bbb083/redlock/redlock"
)

// Options says what the metrics look like. The zero value is fine.
type Options struct {
	// NameLabel maps a lock's name to the value of a label "name" of all metrics but the voters'. Each value costs a set of time
	// series, so there should be few: "invoice" for "invoice:4711", say. Without it there's no such label.
	NameLabel func(name string) string
	// Buckets are those of the histograms, in seconds. The default runs from 1 ms to about 17 min, by factors of 2.
	Buckets []float64
	// ConstLabels are labels of all metrics, such as which quorum it is.
	ConstLabels prometheus.Labels
}

// Metrics are the metrics of one locker, or of several together. It's a [prometheus.Collector].
type Metrics struct {
	name      func(string) string
	operation *prometheus.HistogramVec
	hold      *prometheus.HistogramVec
	attempts  *prometheus.CounterVec
	lost      *prometheus.CounterVec
	usable    *prometheus.GaugeVec

	mu   sync.Mutex
	seen map[string]bool // voters that have a gauge
}

var _ prometheus.Collector = (*Metrics)(nil)

// New returns metrics to register, and to get hooks from.
func New(o Options) *Metrics {
	if o.Buckets == nil {
		o.Buckets = prometheus.ExponentialBuckets(0.001, 2, 21)
	}
	labels := func(more ...string) []string {
		if o.NameLabel != nil {
			more = append(more, "name")
		}
		return more
	}
	histogram := func(name, help string, more ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: o.Buckets, ConstLabels: o.ConstLabels}, labels(more...))
	}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: o.ConstLabels}, labels())
	}
	return &Metrics{
		name:      o.NameLabel,
		operation: histogram("redlock_operation_duration_seconds", "How long operations on locks took, with all waiting.", "operation", "result"),
		hold:      histogram("redlock_hold_duration_seconds", "How long locks were held.", "end"),
		attempts:  counter("redlock_attempts_total", "How many attempts acquisitions of locks made."),
		lost:      counter("redlock_lost_total", "How many locks were lost."),
		usable: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "redlock_voter_usable", Help: "Whether a voter is of use (1) or not (0).", ConstLabels: o.ConstLabels,
		}, []string{"voter"}),
		seen: make(map[string]bool),
	}
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.operation, m.hold, m.attempts, m.lost, m.usable}
}

// Describe describes the metrics.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
}

// Collect hands out the metrics.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
}

// Hooks returns what a locker needs to feed the metrics.
func (m *Metrics) Hooks() redlock.Hooks {
	return redlock.Hooks{
		Done: func(_ context.Context, e redlock.Event) {
			m.operation.WithLabelValues(m.values(e, e.Kind, e.Result())...).Observe(e.Elapsed.Seconds())
			switch {
			case e.Kind == "acquire":
				m.attempts.WithLabelValues(m.values(e)...).Add(float64(e.Attempts))
				m.meet(e.Nodes)
			case e.Kind == "release" && e.Result() != "lost":
				m.hold.WithLabelValues(m.values(e, "released")...).Observe(e.Held.Seconds())
			}
		},
		Lost: func(e redlock.Event) {
			m.lost.WithLabelValues(m.values(e)...).Inc()
			m.hold.WithLabelValues(m.values(e, "lost")...).Observe(e.Held.Seconds())
		},
		VoterChanged: func(v redlock.VoterState) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.seen[v.Node] = true
			m.set(v.Node, v.Usable())
		},
	}
}

func (m *Metrics) values(e redlock.Event, values ...string) []string {
	if m.name != nil {
		values = append(values, m.name(e.Name))
	}
	return values
}

// meet gives voters that were never told of a gauge: a voter that's of use from the beginning isn't news.
func (m *Metrics) meet(nodes []redlock.NodeResult) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range nodes {
		if !m.seen[n.Node] {
			m.seen[n.Node] = true
			m.set(n.Node, true)
		}
	}
}

func (m *Metrics) set(voter string, usable bool) {
	value := 0.0
	if usable {
		value = 1
	}
	m.usable.WithLabelValues(voter).Set(value)
}
