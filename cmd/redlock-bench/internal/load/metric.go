package load

import (
	"math"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

// Metric is something that is measured.
type Metric struct {
	Key   string // in JSON; ends with the unit
	Title string // for people, with the unit
	// Compared tells whether it makes sense over another subject's.
	Compared bool
	// Grows tells whether it's shown how it grows with the load.
	Grows bool

	of func(*sample) float64 // not finite if there is nothing to measure
}

// Metrics are all of them, in the order of the tables.
var Metrics = []Metric{
	{"locks_per_second", "locks/s", true, true, func(s *sample) float64 { return s.locks / s.config.Duration.Seconds() }},
	{"acquire_p50_us", "acquire p50, µs", true, true, acquire(50)},
	{"acquire_p90_us", "acquire p90, µs", true, false, acquire(90)},
	{"acquire_p99_us", "acquire p99, µs", true, true, acquire(99)},
	{"acquire_p999_us", "acquire p99.9, µs", true, false, acquire(99.9)},
	{"acquire_max_us", "acquire max, µs", false, false, func(s *sample) float64 { return microseconds(s.acquire.Max()) }},
	{"release_p50_us", "release p50, µs", true, false, release(50)},
	{"release_p99_us", "release p99, µs", true, false, release(99)},
	{"handoff_p50_us", "hand-off p50, µs", true, true, handoff(50)},
	{"handoff_p99_us", "hand-off p99, µs", true, true, handoff(99)},
	{"handed_to_waiter_percent", "handed to one who waited, %", false, false, func(s *sample) float64 {
		return 100 * float64(s.handoffs.waited) / float64(s.handoffs.count)
	}},
	{"nobody_won_percent", "nobody won, % of moments", false, true, func(s *sample) float64 {
		return 100 * float64(s.moments.lost) / float64(s.moments.contested)
	}},
	{"busiest_client_locks", "busiest client, locks", false, false, (*sample).busiest},
	{"idlest_client_locks", "idlest client, locks", false, false, (*sample).idlest},
	{"busiest_over_idlest", "busiest over idlest", false, false, func(s *sample) float64 { return s.busiest() / s.idlest() }},
	{"client_cpu_per_lock_us", "client CPU a lock, µs", true, true, perLock(func(s *sample) float64 { return microseconds(s.client.CPU) })},
	{"servers_cpu_per_lock_us", "servers' CPU a lock, µs", true, true, perLock(func(s *sample) float64 { return microseconds(s.servers.cpu) })},
	{"allocations_per_lock", "allocations a lock", true, true, perLock(func(s *sample) float64 { return float64(s.client.Mallocs) })},
	{"allocated_per_lock_bytes", "allocated a lock, bytes", true, false, perLock(func(s *sample) float64 { return float64(s.client.Bytes) })},
	{"commands_per_lock", "commands a lock", true, true, perLock(func(s *sample) float64 { return total(s.servers.calls) })},
	{"sent_per_lock_bytes", "sent to servers a lock, bytes", true, false, perLock(func(s *sample) float64 { return float64(s.servers.in) })},
	{"received_per_lock_bytes", "received a lock, bytes", true, false, perLock(func(s *sample) float64 { return float64(s.servers.out) })},
	{"failed_per_lock", "failed attempts a lock", false, false, perLock(func(s *sample) float64 { return total(s.failed) })},
	{"failed_releases", "failed releases", false, false, func(s *sample) float64 { return total(s.releaseFailed) }},
	{"unfinished", "waiting at the end", false, false, func(s *sample) float64 { return float64(s.unfinished) }},
}

func acquire(p float64) func(*sample) float64 {
	return func(s *sample) float64 { return percentile(s.acquire, p) }
}

func release(p float64) func(*sample) float64 {
	return func(s *sample) float64 { return percentile(s.release, p) }
}

func handoff(p float64) func(*sample) float64 {
	return func(s *sample) float64 { return percentile(s.handoffs.took, p) }
}

func percentile(l *loadgen.Latencies, p float64) float64 {
	if l.Count() == 0 {
		return math.NaN()
	}
	return microseconds(l.Percentile(p))
}

// perLock spreads what a whole round took.
func perLock(of func(*sample) float64) func(*sample) float64 {
	return func(s *sample) float64 { return of(s) / s.locks }
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
