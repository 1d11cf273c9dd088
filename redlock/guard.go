package redlock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// markerKey is where a voter's marker lives, see scripts/enrol.lua.
const markerKey = "redlock:voter"

// startGuard begins to guard the voters, where enough of them have a clock for them to agree on the time.
func (l *Locker) startGuard() {
	mute := make([]bool, len(l.voters))
	for i, v := range l.voters {
		mute[i] = v.kind == clusterVoter
	}
	o := &l.options
	for _, set := range l.electorate().Sets() {
		clocks := slices.DeleteFunc(slices.Clone(set), func(voter int) bool { return mute[voter] })
		if !o.guards || !guard.CanTell(len(clocks), len(set)) {
			return
		}
	}
	l.guard = guard.New(guard.Config{
		Clock: o.clock, Drift: o.driftFactor, MaxError: o.maxClockError, Bound: o.uncertainty(), MaxTTL: o.maxTTL,
		Together: exchangeTimeout(o.nodeTimeout), Members: l.members.config, Mute: mute, Newcomer: l.startAdmission,
	})
	for i, v := range l.voters {
		v.guard = l.guard
		if !mute[i] {
			v.kind = guardedVoter
		}
	}
}

// randomEnrolment returns the number of a new enrolment: never 0, and never the same twice.
func randomEnrolment() int64 { return 1 + rand.Int64N(1<<52) }

// now returns what time it is by agreement; void without guards.
func (l *Locker) now() guard.Span { return l.at(l.options.clock.Now()) }

// at is now for a reading of the clock.
func (l *Locker) at(reading time.Duration) guard.Span {
	if l.guard == nil {
		return guard.Span{}
	}
	s, _ := l.guard.At(reading)
	return s
}

// trust cuts a window off where the agreed time comes to a lock's deadline, see [guard.Guard.Trust].
func (l *Locker) trust(w clockdrift.Window, deadline guard.Time) clockdrift.Window {
	if l.guard == nil {
		return w
	}
	return l.guard.Trust(w, deadline)
}

// sameServer begins what is said of a voter whose address leads to another one's server.
const sameServer = "SAMESERVER"

// answered notes which server has answered. It's an error where that's another voter's.
func (v *voter) answeredBy(id guard.ServerID) error {
	other, twice := v.guard.Answered(v.index, id)
	if !twice {
		return nil
	}
	return serverReply(fmt.Sprintf("%s %s and %s lead to the server with the run id %012x…", sameServer, v.nodes[other], v.nodes[v.index], int64(id)))
}

// astray says what's wrong with a clock that's too far off for its voter to vote.
func (l *Locker) astray(voter int) error {
	ahead, known := l.guard.Ahead(voter)
	if !known {
		return errors.New("its clock is far off most others'; put it right")
	}
	return fmt.Errorf("its clock is %s most others'; put it right", aheadOrBehind(ahead.Middle()))
}

// disagreement says, for the errors of voters whose clocks can't be brought together, where each
// of them is.
func (l *Locker) disagreement(nodes []NodeResult) {
	first := -1
	for voter := range nodes {
		_, known := l.guard.Apart(voter, voter)
		if nodes[voter].Outcome != Granted || !known {
			continue
		}
		nodes[voter].Outcome = ClockSuspect
		if first < 0 {
			first = voter
			nodes[voter].Err = fmt.Errorf("too few clocks agree on the time, at least %d have to; synchronise them", quorum.Majority(len(nodes)))
			continue
		}
		off, _ := l.guard.Apart(voter, first)
		nodes[voter].Err = fmt.Errorf("its clock is %s that of %s", aheadOrBehind(off), nodes[first].Node)
	}
}

func aheadOrBehind(d time.Duration) string {
	unit := time.Millisecond
	if d.Abs() > time.Minute {
		unit = time.Second
	}
	if d < 0 {
		return fmt.Sprintf("%v behind", -d.Round(unit))
	}
	return fmt.Sprintf("%v ahead of", d.Round(unit))
}
