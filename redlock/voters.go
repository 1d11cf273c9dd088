package redlock

import "time"

// VoterState is what a [Locker] knows of one of its nodes.
type VoterState struct {
	// Node is the voter's address.
	Node string
	// Known is false as long as the locker doesn't know the voter's clock or what to compare it
	// with: too few voters were heard of, it's a Redis Cluster, or the locker has no guards.
	Known bool
	// Ahead is how far the voter's clock is ahead of the time that all agree on, as far as it's
	// known: AheadLow and AheadHigh bound it. It's less than 0 if the clock is behind.
	Ahead, AheadLow, AheadHigh time.Duration
	// Quarantined is for how long the voter doesn't vote yet, since it may have forgotten locks; 0 if it votes.
	Quarantined time.Duration
}

// Voters returns what is known of each node, in the order in which they were given. It asks
// nobody.
func (l *Locker) Voters() []VoterState {
	voters := make([]VoterState, len(l.nodes))
	for i, node := range l.nodes {
		voters[i].Node = node
		if l.guard == nil {
			continue
		}
		v := &voters[i]
		if ahead, known := l.guard.clockOf(i); known {
			v.Known, v.AheadLow, v.AheadHigh = true, ahead.Low, ahead.High
			v.Ahead = ahead.Middle()
		}
		switch m := l.guard.marker(i); {
		case m.number == 0: // not heard of
		case m.until == 0:
			v.Quarantined = l.guard.maxTTL
		default:
			v.Quarantined = l.guard.left(m.until)
		}
	}
	return voters
}
