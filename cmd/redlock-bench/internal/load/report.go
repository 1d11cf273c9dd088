package load

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

// Series is a number of runs whose loads differ in one thing, or a single run.
type Series struct {
	Command  string    `json:"command"`         // that repeats it
	Versions []string  `json:"versions"`        // of the programs involved, and the machine
	Sweep    string    `json:"sweep,omitempty"` // what differs, see [Sweeps]; empty for a single run
	Runs     []*Report `json:"runs"`
}

// Report is what a run measured.
type Report struct {
	Config   Config           `json:"config"`
	Baseline string           `json:"baseline"` // the subject that the others are compared with
	Subjects []*SubjectReport `json:"subjects"`
}

// SubjectReport is what was measured of one subject.
type SubjectReport struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// Summary is each measurement's median over the rounds, with its range, by the metric's key.
	Summary map[string]Spread `json:"summary"`
	// Ratios are over the baseline's in the same round; none of the baseline itself.
	Ratios map[string]Spread `json:"ratios_over_baseline,omitempty"`
	// Acquire, Release and Handoff are the distributions over all rounds, in HdrHistogram's format (V2,
	// compressed, base64) and in nanoseconds.
	Acquire *loadgen.Latencies `json:"acquire_hdr"`
	Release *loadgen.Latencies `json:"release_hdr"`
	Handoff *loadgen.Latencies `json:"handoff_hdr"`
	// Rounds are all of them, in their order.
	Rounds []*Round `json:"rounds"`
}

// Spread is how a measurement varies from round to round.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// preferred is the subject that others are compared with where it's measured.
const preferred = "redsync"

func newReport(c Config) *Report {
	r := &Report{Config: c, Baseline: c.Subjects[0].Name}
	for _, s := range c.Subjects {
		if s.Name == preferred {
			r.Baseline = preferred
		}
		r.Subjects = append(r.Subjects, &SubjectReport{
			Name: s.Name, About: s.About,
			Acquire: loadgen.NewLatencies(), Release: loadgen.NewLatencies(), Handoff: loadgen.NewLatencies(),
		})
	}
	return r
}

// add takes a round of every subject, in the subjects' order.
func (r *Report) add(rounds []*Round) {
	for i, s := range r.Subjects {
		s.Rounds = append(s.Rounds, rounds[i])
		s.Acquire.Merge(rounds[i].acquire)
		s.Release.Merge(rounds[i].release)
		s.Handoff.Merge(rounds[i].handoff)
	}
}

// summarise works out the spreads from the rounds.
func (r *Report) summarise() {
	base := r.Subjects[slices.IndexFunc(r.Subjects, func(s *SubjectReport) bool { return s.Name == r.Baseline })]
	for _, s := range r.Subjects {
		s.Summary, s.Ratios = make(map[string]Spread), make(map[string]Spread)
		for _, m := range Metrics {
			var values, ratios []float64
			for i, round := range s.Rounds {
				v, measured := round.Values[m.Key]
				if !measured {
					continue
				}
				values = append(values, v)
				if over := base.Rounds[i].Values[m.Key]; m.Compared && s != base && over != 0 {
					ratios = append(ratios, v/over)
				}
			}
			if len(values) > 0 {
				s.Summary[m.Key] = spreadOf(values)
			}
			if len(ratios) > 0 {
				s.Ratios[m.Key] = spreadOf(ratios)
			}
		}
	}
}

// Rounds is how many rounds were completed.
func (r *Report) Rounds() int { return len(r.Subjects[0].Rounds) }

// Others are the subjects that are compared with the baseline.
func (r *Report) Others() []*SubjectReport {
	return slices.DeleteFunc(slices.Clone(r.Subjects), func(s *SubjectReport) bool { return s.Name == r.Baseline })
}

// Failed counts the failed attempts of all rounds by the kind of their error.
func (s *SubjectReport) Failed() map[string]int64 {
	return sum(s.Rounds, func(r *Round) map[string]int64 { return r.Failed })
}

// ReleaseFailed counts the failed releases.
func (s *SubjectReport) ReleaseFailed() map[string]int64 {
	return sum(s.Rounds, func(r *Round) map[string]int64 { return r.ReleaseFailed })
}

func sum(rounds []*Round, of func(*Round) map[string]int64) map[string]int64 {
	all := make(map[string]int64)
	for _, r := range rounds {
		addAll(all, of(r))
	}
	return all
}

// Overlaps names the subjects of which two clients held one lock at once, each with how often.
func (r *Report) Overlaps() map[string]int {
	found := make(map[string]int)
	for _, s := range r.Subjects {
		for _, round := range s.Rounds {
			if round.Overlaps > 0 {
				found[s.Name] += round.Overlaps
			}
		}
	}
	return found
}

// WriteJSON writes everything.
func (s *Series) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// spreadOf works out the median, the mean of the middle two if there are an even number, and the range.
func spreadOf(values []float64) Spread {
	slices.Sort(values)
	n := len(values)
	return Spread{Median: (values[(n-1)/2] + values[n/2]) / 2, Min: values[0], Max: values[n-1]}
}

// Number writes a measurement, with about three digits.
func Number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.9995:
		return fmt.Sprintf("%.2f", v)
	case v >= 0.001:
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprintf("%.2g", v)
}
