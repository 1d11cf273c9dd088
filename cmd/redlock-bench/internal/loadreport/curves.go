package loadreport

import (
	"fmt"
	"math"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

// charts are all pictures of a series.
func charts(s *load.Series) []chart {
	if s.Sweep == "" {
		return runCharts(s.Runs[0])
	}
	var all []chart
	for _, m := range load.Metrics {
		if m.Grows {
			all = appendDrawn(all, growth(s, m))
		}
	}
	return all
}

// runCharts shows the distributions of a run, and how even its rounds were.
func runCharts(r *load.Report) []chart {
	var all []chart
	for _, d := range []struct {
		title string
		of    func(*load.SubjectReport) *loadgen.Latencies
	}{
		{"Acquire", func(s *load.SubjectReport) *loadgen.Latencies { return s.Acquire }},
		{"Release", func(s *load.SubjectReport) *loadgen.Latencies { return s.Release }},
		{"Hand-off", func(s *load.SubjectReport) *loadgen.Latencies { return s.Handoff }},
	} {
		var curves []curve
		for _, s := range r.Subjects {
			curves = append(curves, percentiles(s.Name, d.of(s)))
		}
		all = appendDrawn(all, distribution(d.title, curves))
	}
	return appendDrawn(all, rounds(r))
}

// most is as near to 100 % as distributions are shown: 99.99 %.
const most = 4.0

// percentiles is a distribution over how many are slower: x is 1 for one in ten, 2 for one in a hundred.
// It ends where there are too few values for another than the largest.
func percentiles(name string, l *loadgen.Latencies) curve {
	c := curve{name: name}
	if l.Count() == 0 {
		return c
	}
	end := min(most, math.Log10(float64(l.Count())))
	for x := 0.0; x <= end; x += 0.04 {
		took := l.Percentile(100 * (1 - math.Pow(10, -x)))
		c.points = append(c.points, point{x, max(float64(took)/float64(time.Microsecond), 1)})
	}
	return c
}

func distribution(title string, curves []curve) chart {
	x := axis{"slower than this", scale{low: 0, high: most}, []float64{math.Log10(2), 1, 2, 3, 4}, share}
	return draw(title+", µs", x, true, curves)
}

// share says how many are slower at a place of a distribution.
func share(x float64) string {
	return trimZeros(fmt.Sprintf("%.2f", 100*math.Pow(10, -x))) + " %"
}

// rounds shows each round's locks per second.
func rounds(r *load.Report) chart {
	var curves []curve
	var ticks []float64
	for i := range r.Rounds() {
		ticks = append(ticks, float64(i+1))
	}
	for _, s := range r.Subjects {
		c := curve{name: s.Name, dotted: true}
		for i, round := range s.Rounds {
			c.points = append(c.points, point{float64(i + 1), round.Values["locks_per_second"]})
		}
		curves = append(curves, c)
	}
	x := axis{"round", scale{low: 0.5, high: float64(r.Rounds()) + 0.5}, ticks, short}
	return draw("Locks per second in each round", x, false, curves)
}

// growth shows a metric over what a series goes through.
func growth(s *load.Series, m load.Metric) chart {
	var curves []curve
	var ticks []float64
	for i, run := range s.Runs {
		x := float64(run.Config.Value(s.Sweep))
		ticks = append(ticks, x)
		for j, subject := range run.Subjects {
			if i == 0 {
				curves = append(curves, curve{name: subject.Name, dotted: true})
			}
			if spread, measured := subject.Summary[m.Key]; measured && spread.Median > 0 {
				curves[j].points = append(curves[j].points, point{x, spread.Median})
			}
		}
	}
	x := scale{low: ticks[0], high: ticks[len(ticks)-1]}
	for _, v := range ticks {
		x.low, x.high = min(x.low, v), max(x.high, v)
	}
	if x.log = x.high > 20*x.low; x.low == x.high {
		x.low, x.high = x.low-1, x.high+1
	}
	return draw(m.Title, axis{s.Sweep, x, ticks, short}, true, curves)
}

// appendDrawn appends a chart if anything is in it.
func appendDrawn(all []chart, c chart) []chart {
	for _, l := range c.Lines {
		if l.Path != "" {
			return append(all, c)
		}
	}
	return all
}
