package load

import (
	"maps"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/loadgen"
)

// Round is what was measured of one subject in one round.
type Round struct {
	Locks int64 `json:"locks"`
	// Values are the measurements by their keys, see [Metrics]. One that makes no sense is missing.
	Values map[string]float64 `json:"values"`
	// Failed counts failed attempts by the kind of their error, ReleaseFailed releases.
	Failed        map[string]int64 `json:"failed,omitempty"`
	ReleaseFailed map[string]int64 `json:"release_failed,omitempty"`
	// Commands is how many commands the servers executed for a lock, those in scripts included, by name.
	Commands map[string]float64 `json:"commands_per_lock"`
	// Overlaps is how many locks were acquired before their holder began to release them.
	Overlaps int `json:"overlaps"`

	acquire, release, handoff *loadgen.Latencies
}

// sample is everything that is known of a round, to work out measurements from.
type sample struct {
	config           *Config
	locks            float64
	perClient        []int64
	acquire, release *loadgen.Latencies
	handoffs         handoffs
	moments          moments
	unfinished       int64
	failed           map[string]int64
	releaseFailed    map[string]int64
	client           loadgen.Usage
	servers          serverUse
}

// newRound puts together what the processes and the servers say.
func newRound(config *Config, results []*loadgen.Result, end time.Duration, servers serverUse) *Round {
	s := sample{
		config: config, servers: servers, acquire: loadgen.NewLatencies(), release: loadgen.NewLatencies(),
		failed: make(map[string]int64), releaseFailed: make(map[string]int64),
	}
	var turns []loadgen.Turn
	for _, r := range results {
		s.locks += float64(r.Locks)
		s.perClient = append(s.perClient, r.PerClient...)
		s.acquire.Merge(r.Acquire)
		s.release.Merge(r.Release)
		s.unfinished += r.Unfinished
		addAll(s.failed, r.Failed)
		addAll(s.releaseFailed, r.ReleaseFailed)
		s.client.CPU += r.Usage.CPU
		s.client.Mallocs += r.Usage.Mallocs
		s.client.Bytes += r.Usage.Bytes
		turns = append(turns, r.Turns...)
	}
	if config.Every > 0 {
		s.moments = judge(turns)
		turns = nil // nobody waits, so there's nothing to hand over
	}
	s.handoffs = account(turns, end)
	round := &Round{
		Locks: int64(s.locks), Values: make(map[string]float64), Failed: s.failed, ReleaseFailed: s.releaseFailed,
		Commands: make(map[string]float64), Overlaps: s.handoffs.overlaps,
		acquire: s.acquire, release: s.release, handoff: s.handoffs.took,
	}
	for _, m := range Metrics {
		if v := m.of(&s); isFinite(v) {
			round.Values[m.Key] = v
		}
	}
	for command, n := range servers.calls {
		if s.locks > 0 {
			round.Commands[command] = float64(n) / s.locks
		}
	}
	return round
}

func addAll(to, from map[string]int64) {
	for kind, n := range from {
		to[kind] += n
	}
}

func total(counts map[string]int64) float64 {
	var sum int64
	for n := range maps.Values(counts) {
		sum += n
	}
	return float64(sum)
}

// busiest is how many locks the client got that got most, idlest the opposite.
func (s *sample) busiest() float64 { return float64(slices.Max(s.perClient)) }
func (s *sample) idlest() float64  { return float64(slices.Min(s.perClient)) }
