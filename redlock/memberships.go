package redlock

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// Membership is for which set of voters one voter votes, see [ErrMembership].
type Membership struct {
	// Node is the voter's address, or its name.
	Node string
	// Voters names the set's voters; nil if the voter knows of no set.
	Voters []string
	// Generation counts the decisions for a set. It's 0 for a set that a locker has asked for, and that isn't decided on.
	Generation int64
	// Changing tells that the set is about to replace another. Until that's complete, only lockers that join both are served.
	Changing bool
	// ServedAlone tells that a locker was served that goes by this set alone, or the one before, and ServedAgo how long ago. Voters note
	// that once a second.
	ServedAlone bool
	ServedAgo   time.Duration
	// Waits is for how long the voter doesn't vote yet, since it may have forgotten locks.
	Waits time.Duration
	// Err is why nothing is known of the voter.
	Err error
}

// Memberships asks each voter for which set of voters it votes, and changes nothing. It returns when all have answered, at the latest after
// four node time-outs, or 100 ms if that's longer. It's an [ErrInvalidOption] without guards.
func (l *Locker) Memberships(ctx context.Context) ([]Membership, error) {
	if l.guard == nil {
		return nil, errNoSets("Memberships")
	}
	if !l.busy.begin(l.draining) {
		return nil, ErrClosed
	}
	defer l.busy.running.Done()
	heard := l.lookBy(ctx, &request{op: opLook, passive: true}, exchangeTimeout(l.options.nodeTimeout), nil)
	all := make([]Membership, len(l.nodes))
	for voter, node := range l.nodes {
		all[voter] = l.membership(heard.Answers[voter], voter)
		all[voter].Node = node
	}
	return all, nil
}

func (l *Locker) membership(a quorum.Answer[reply], voter int) Membership {
	switch {
	case !l.voters[voter].guarded():
		return Membership{Err: errors.New("it's a Redis Cluster, which remembers no set")}
	case !a.Heard:
		return Membership{Err: errors.New("it didn't answer in time")}
	case a.Err != nil:
		_, err := explain(a.Err, l.voters[voter].link)
		return Membership{Err: err}
	}
	m := a.Reply.marker
	v := Membership{
		Voters: slices.Clone(m.Known.Names), Generation: m.Known.Generation, Changing: m.Known.Changing(),
		ServedAlone: m.Served, ServedAgo: m.ServedAgo,
	}
	if left, waits := l.guard.Waits(*m); waits {
		v.Waits = left
	}
	return v
}
