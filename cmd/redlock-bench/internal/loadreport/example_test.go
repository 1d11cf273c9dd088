package loadreport

import (
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/load"
)

// exampleReport is a run of two subjects, the second of which has half of the first's locks per second.
func exampleReport(goroutines int) *load.Report {
	c := load.Defaults()
	c.Goroutines, c.Names, c.Rounds = goroutines, goroutines, 2
	r := &load.Report{Config: c, Baseline: "redsync"}
	for i, name := range []string{"redsync", "guarded"} {
		rate := float64(goroutines) * 1000 / float64(i+1)
		s := &load.SubjectReport{
			Name: name, About: "about " + name, Acquire: loadgen.NewLatencies(), Release: loadgen.NewLatencies(), Handoff: loadgen.NewLatencies(),
			Summary: map[string]load.Spread{"locks_per_second": {Median: rate, Min: rate, Max: rate}, "failed_releases": {}},
		}
		if i == 1 {
			s.Ratios = map[string]load.Spread{"locks_per_second": {Median: 0.5, Min: 0.25, Max: 0.75}}
		}
		for range c.Rounds {
			s.Rounds = append(s.Rounds, &load.Round{Values: map[string]float64{"locks_per_second": rate}, Failed: map[string]int64{"taken": 2}})
		}
		for n := range 1000 {
			s.Acquire.Record(time.Duration(n+1) * time.Duration(i+1) * time.Microsecond)
		}
		r.Subjects = append(r.Subjects, s)
	}
	return r
}

func exampleRun() *load.Series {
	return &load.Series{Command: "redlock-bench load --rounds 2", Versions: []string{"redlock-bench v1"}, Runs: []*load.Report{exampleReport(4)}}
}

func exampleSweep() *load.Series {
	return &load.Series{
		Command: "redlock-bench load --sweep goroutines=1,4,64", Sweep: "goroutines",
		Runs: []*load.Report{exampleReport(1), exampleReport(4), exampleReport(64)},
	}
}
