package redlock

import (
	"slices"
	"sync"
	"time"
)

// VoterState is what a [Locker] knows of one of its nodes.
type VoterState struct {
	// Node is the voter's address.
	Node string
	// Outcome is [Granted] if the voter is of use, as far as is known, or else why it isn't: [Failed], [TimedOut] or
	// [Unfit] after its last answer, or the want of one, to an acquisition, an extension or a release, [Quarantined],
	// [ClockSuspect], or [WrongQuorum]. A voter that refuses one of these and does the others isn't [Granted] until it has done that one, too. An
	// extension or release that isn't asked for again counts for 10 minutes.
	Outcome Outcome
	// Known is false as long as the locker doesn't know the voter's clock or what to compare it
	// with: too few voters were heard of, it's a Redis Cluster, or the locker has no guards.
	Known bool
	// Ahead is how far the voter's clock is ahead of the time that all agree on, as far as it's
	// known: AheadLow and AheadHigh bound it. It's less than 0 if the clock is behind.
	Ahead, AheadLow, AheadHigh time.Duration
	// Quarantined is for how long the voter doesn't vote yet, since it may have forgotten locks; 0 if it votes.
	Quarantined time.Duration
	// Votes names the voters of the set that the voter votes for, and Generation counts the decisions for a set; see [ErrMembership].
	// They're nil and 0 as long as that isn't known.
	Votes      []string
	Generation int64
	// Guarded is false for a Redis Cluster, and without guards.
	Guarded bool
	// Answered is when the voter last answered without an error. Err is the last error, with what to do
	// about it, and ErrAt when that was; both are zero if there was none.
	Answered, ErrAt time.Time
	Err             error
}

// Usable reports whether the voter is of use, as far as is known.
func (v VoterState) Usable() bool { return v.Outcome == Granted }

// Voters returns what is known of each node, in the order in which they were given. It asks
// nobody.
func (l *Locker) Voters() []VoterState {
	voters := make([]VoterState, len(l.nodes))
	for i := range voters {
		voters[i] = l.voterState(i)
	}
	return voters
}

func (l *Locker) voterState(i int) VoterState {
	voter := l.voters[i]
	v := VoterState{Node: l.nodes[i], Guarded: voter.guarded()}
	voter.report(&v)
	if l.guard == nil {
		return v
	}
	if ahead, known := l.guard.Ahead(i); known {
		v.Known, v.AheadLow, v.AheadHigh = true, ahead.Low, ahead.High
		v.Ahead = ahead.Middle()
	}
	m := l.guard.Marker(i)
	left, waits := l.guard.Waits(m)
	if v.Quarantined = left; waits {
		v.waits()
	}
	switch k := l.guard.View(i); {
	case !k.Heard || k.Mute:
	case !k.Known.Decided():
		v.waits()
	default:
		v.Votes, v.Generation = slices.Clone(k.Known.Names), k.Known.Generation
		if !l.members.config.Has(k.Known.ID) && v.Outcome != Failed && v.Outcome != TimedOut && v.Outcome != Unfit {
			v.Outcome = WrongQuorum
		}
	}
	return v
}

// waitsFor reports whether a voter doesn't vote yet, as far as is known: it may have forgotten locks.
func (l *Locker) waitsFor(voter int) bool {
	if l.guard == nil || !l.voters[voter].guarded() {
		return false
	}
	_, waits := l.guard.Waits(l.guard.Marker(voter))
	return waits
}

// waits notes that the voter doesn't vote yet, unless it doesn't even answer.
func (v *VoterState) waits() {
	if v.Outcome == Granted {
		v.Outcome = Quarantined
	}
}

// report says what the voter's exchanges were like.
func (v *voter) report(to *VoterState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	to.Answered, to.ErrAt = v.answered, v.lastErrAt
	err := v.lastErr
	refused, counts := v.refusals.last()
	if counts && !v.cut { // and not what may have gone wrong for a moment since
		err, to.ErrAt = refused.err, refused.at
	}
	outcome := Granted
	if err != nil {
		outcome, to.Err = explain(err, v.link)
	}
	switch {
	case v.cut || counts:
		to.Outcome = outcome
	case v.astray:
		to.Outcome = ClockSuspect
	default:
		to.Outcome = Granted
	}
}

// news is what the hooks have heard of a voter.
type news struct {
	mu      sync.Mutex
	told    Outcome // last; [Granted] at first
	telling bool    // a hook is running
}

// voterMayHaveChanged tells the hooks if it has. It's called by the voter's workers and doesn't block: the hook gets a goroutine
// as long as there's something new, so what it's told is in order and never more than the last state.
func (l *Locker) voterMayHaveChanged(i int) {
	n := &l.voters[i].news
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.telling || !n.differs(l.voterState(i)) {
		return
	}
	n.telling = true
	go func() {
		for state, changed := l.nextNews(i); changed; state, changed = l.nextNews(i) {
			contain(func() { l.options.hooks.VoterChanged(state) })
		}
	}()
}

// nextNews returns a state that the hooks haven't heard of.
func (l *Locker) nextNews(i int) (state VoterState, changed bool) {
	n := &l.voters[i].news
	n.mu.Lock()
	defer n.mu.Unlock()
	state = l.voterState(i)
	if changed = n.differs(state); changed {
		n.told = state.Outcome
	}
	n.telling = changed
	return state, changed
}

func (n *news) differs(v VoterState) bool {
	kind := func(o Outcome) Outcome {
		if o == TimedOut {
			return Failed
		}
		return o
	}
	return kind(n.told) != kind(v.Outcome)
}
