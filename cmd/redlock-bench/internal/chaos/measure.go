package chaos

import (
	"slices"
	"time"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/spoken"
)

// OpCount counts what came of the operations of one kind.
type OpCount struct {
	OK      int `json:"ok"`
	Refused int `json:"refused"`
	// Unknown ones never returned: they may have taken effect or not.
	Unknown int `json:"unknown"`
}

// Latency has percentiles of how long something took, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P90 float64 `json:"p90_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// Measures are what a run showed besides its verdicts.
type Measures struct {
	Operations map[protocol.Op]OpCount `json:"operations"`
	// Acquire is the latency of the acquisitions that succeeded, pauses included.
	Acquire Latency `json:"acquire"`
	// Available is the share of the time in which the lock was of use: someone acquired or
	// extended it within the last TTL. LongestGap is the longest time between two of these.
	Available  float64 `json:"available"`
	LongestGap float64 `json:"longest_gap_ms"`
	// Out is for how long the faults left no majority of the nodes in service, and New for how long, besides, none
	// that had been back for a TTL. See [check.Service].
	Out float64 `json:"no_majority_ms"`
	New float64 `json:"no_majority_but_new_ms"`
	// Replaced is set where clients were given other lists of nodes.
	Replaced *Replaced `json:"replaced,omitempty"`
	// LongestOverlap is the longest of the spans in which more than one client believed.
	Overlaps       int     `json:"overlaps"`
	LongestOverlap float64 `json:"longest_overlap_ms"`
}

// Replaced counts the replacements of nodes, and the locks around them.
type Replaced struct {
	Begun    int `json:"begun"`
	Complete int `json:"complete"` // when all clients had the new list alone
	// Longest is how long the longest complete one took.
	Longest float64 `json:"longest_ms"`
	// Locks are those that were acquired before the first replacement, During one, and After one.
	Before int `json:"locks_before"`
	During int `json:"locks_during"`
	After  int `json:"locks_after"`
}

// replaced looks at the replacements in a history; nil if there's none.
func replaced(h *history.History) *Replaced {
	if len(h.Replacements) == 0 {
		return nil
	}
	r := &Replaced{Begun: len(h.Replacements)}
	for _, one := range h.Replacements {
		if one.Ended > 0 {
			r.Complete++
			r.Longest = max(r.Longest, spoken.Milliseconds(one.Ended-one.Began))
		}
	}
	for _, o := range h.Operations {
		if o.Op != protocol.Acquire || o.Open() || !o.OK {
			continue
		}
		at := func(one history.Replacement) bool {
			return one.Began <= o.Returned && (one.Ended == 0 || o.Returned < one.Ended)
		}
		switch {
		case o.Returned < h.Replacements[0].Began:
			r.Before++
		case slices.ContainsFunc(h.Replacements, at):
			r.During++
		default:
			r.After++
		}
	}
	return r
}

// Measure looks at a history.
func Measure(h *history.History) Measures {
	m := Measures{Operations: make(map[protocol.Op]OpCount)}
	var took []time.Duration
	for _, o := range h.Operations {
		m.Operations[o.Op] = m.Operations[o.Op].with(o)
		if o.Open() || !o.OK {
			continue
		}
		if o.Op == protocol.Acquire {
			took = append(took, o.Returned-o.Invoked)
		}
	}
	m.Acquire = percentiles(took)
	available, gap := check.Available(h)
	m.Available, m.LongestGap = available, spoken.Milliseconds(gap)
	service := check.OutOfService(h)
	m.Out, m.New = spoken.Milliseconds(service.Out), spoken.Milliseconds(service.New)
	m.Replaced = replaced(h)
	for _, o := range check.Exclusion(h.Beliefs()).Overlaps {
		m.Overlaps++
		m.LongestOverlap = max(m.LongestOverlap, spoken.Milliseconds(o.Until-o.From))
	}
	return m
}

func (c OpCount) with(o history.Operation) OpCount {
	switch {
	case o.Open():
		c.Unknown++
	case o.OK:
		c.OK++
	default:
		c.Refused++
	}
	return c
}

// percentiles are by nearest rank; all are 0 if there is nothing.
func percentiles(took []time.Duration) Latency {
	if len(took) == 0 {
		return Latency{}
	}
	slices.Sort(took)
	at := func(percent int) float64 {
		return spoken.Milliseconds(took[(len(took)*percent+99)/100-1])
	}
	return Latency{P50: at(50), P90: at(90), P99: at(99), Max: at(100)}
}
