package redlock

import (
	"time"
)

// Voter is what a [Locker] knows of one of its nodes.
type Voter struct {
	// Node is the voter's address.
	Node string
	// Known is false as long as the locker hasn't heard of the voter, or runs without guards;
	// the rest is void then.
	Known bool
	// Offset is the voter's clock, as time since the Unix epoch, less the locker's own clock, as
	// far as it's known: OffsetLow and OffsetHigh bound it, if the clock wasn't stepped since the
	// locker last looked. Only differences between voters mean something.
	Offset, OffsetLow, OffsetHigh time.Duration
	// Rate is how much faster the voter's clock ran than the locker's, as a fraction: 0.01 is one
	// per cent. RateLow and RateHigh bound it; they're infinite, and Rate 0, after a single exchange.
	Rate, RateLow, RateHigh float64
	// Jumps counts how often the voter's clock contradicted what was known of it.
	Jumps int
	// ClockSuspect is for how long the voter's votes don't count yet on account of its clock; 0 if
	// they do. It starts over as long as the clock is behind those of a majority.
	ClockSuspect time.Duration
}

// Voters returns what is known of each node, in the order in which they were given. It asks
// nobody.
func (l *Locker) Voters() []Voter {
	voters := make([]Voter, len(l.nodes))
	for i, node := range l.nodes {
		voters[i].Node = node
		if l.watch == nil {
			continue
		}
		now := l.options.clock.Now()
		e := l.watch.estimate(i, now)
		suspect, unvetted := l.watch.suspicion(i, now)
		voters[i] = Voter{
			Node: node, Known: e.Known,
			Offset: e.Offset.Middle(), OffsetLow: e.Offset.Low, OffsetHigh: e.Offset.High,
			Rate: e.Rate(), RateLow: e.RateLow, RateHigh: e.RateHigh,
			Jumps: e.Jumps, ClockSuspect: max(suspect, unvetted),
		}
	}
	return voters
}
