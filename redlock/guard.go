package redlock

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// markerKey is where a voter's marker lives, see scripts/enrol.lua.
const markerKey = "redlock:voter"

// guard is what a locker knows of its voters as servers: what time their clocks agree on, and
// which of them may vote. It is safe for concurrent use.
//
// The agreed time, widened by the error that a right clock may have, holds true time. So a lock
// that was asked for at a moment that is no later than `latest` is over, whatever any one server
// thinks of it, when `earliest` has reached that moment plus the TTL. docs/design.md has the argument.
type guard struct {
	clock    clockdrift.Clock
	durable  bool
	maxTTL   time.Duration
	maxError time.Duration         // of a right clock
	bound    time.Duration         // how uncertain the time may be for a lock to be asked for
	number   func(voter int) int64 // of new enrolments; never 0, and never the same twice
	nodes    []string              // the voters' addresses, for messages
	distinct time.Duration         // for how long a server counts as the voter's that it answered
	together time.Duration         // for how long replies to requests of one moment tell what time it is
	newcomer func()                // called when a voter has been seen that somebody has to admit, or tell
	config   member.Config
	settled  atomic.Bool // a majority was heard to vote for one of the locker's sets, and nobody has denied it since

	mu      sync.Mutex
	clocks  *clockdrift.Clocks
	markers []marker
	servers map[serverID]sighting
	views   []member.View
}

// marker is what a voter said last of its enrolment.
type marker struct {
	number  int64         // which one it is; 0 if it wasn't heard of yet
	until   unixMicro     // from when on it votes; 0 while nobody has said
	longest time.Duration // the longest TTL of the locks that it granted, as far as it remembers
	judged  bool          // we know for certain how long it has to wait
	// Not in the reply to an admission:
	known     member.Known  // for which set of voters it votes
	served    bool          // a locker that has that set alone was served
	servedAgo time.Duration // so long ago
}

// unixMicro is an agreed time in microseconds since the Unix epoch.
type unixMicro int64

// span is what time it is, by agreement: no earlier and no later than this.
type span struct{ earliest, latest unixMicro }

func newGuard(voters int, sets [][]int, o *options) *guard {
	return &guard{
		clock:    o.clock,
		durable:  o.durable,
		maxTTL:   o.maxTTL,
		maxError: o.maxClockError,
		bound:    o.uncertainty(),
		number:   func(int) int64 { return 1 + rand.Int64N(1<<52) },
		together: exchangeTimeout(o.nodeTimeout),
		clocks:   clockdrift.NewJointClocks(o.driftFactor, o.maxClockError, exchangeTimeout(o.nodeTimeout), sets...),
		markers:  make([]marker, voters),
		servers:  make(map[serverID]sighting),
		views:    make([]member.View, voters),
		// Until no lock counts any more that the answer was a vote for, and its time isn't one of the present moment.
		distinct: max(o.maxTTL, exchangeTimeout(o.nodeTimeout)),
	}
}

// tells reports whether so many of n voters that have a clock are enough to agree on the time.
func tells(clocks, n int) bool { return clocks >= n-(n-1)/2 }

// now returns what time it is, and whether that's known well enough to ask for a lock: one that is
// asked for with a time that's much too late blocks its name for as long if its holder dies.
func (g *guard) now() (s span, known bool) { return g.at(g.clock.Now()) }

func (g *guard) at(reading time.Duration) (s span, known bool) {
	g.mu.Lock()
	agreed := g.clocks.Agreed(reading)
	g.mu.Unlock()
	agreed = agreed.Widen(g.maxError)
	s.earliest = unixMicro(agreed.Low.Microseconds()) - 1 // down, also where it's negative
	s.latest = unixMicro(agreed.High.Microseconds()) + 1
	return s, agreed.Known() && agreed.Width() <= g.bound
}

// trust cuts a window off where the agreed time comes to a lock's deadline. That changes something
// only if the holder's clock stood still while others didn't, as in a machine that its hypervisor
// paused: the replies to a request show it. Where they're too old to tell the time, since the process was
// stopped in the meantime, nothing shows it, and the window is closed.
func (g *guard) trust(w clockdrift.Window, deadline unixMicro) clockdrift.Window {
	reading := g.clock.Now()
	if reading-w.Start() > g.together && !g.tell(reading) {
		return w.Until(w.Start())
	}
	return g.cut(w, deadline, reading)
}

// shorten is trust for a window of an earlier request, which replies to a later one may show to be over sooner. Where they're too
// old to tell the time, it stays as it is.
func (g *guard) shorten(w clockdrift.Window, deadline unixMicro) clockdrift.Window {
	reading := g.clock.Now()
	if !g.tell(reading) {
		return w
	}
	return g.cut(w, deadline, reading)
}

func (g *guard) cut(w clockdrift.Window, deadline unixMicro, reading time.Duration) clockdrift.Window {
	now, _ := g.at(reading)
	return w.Until(reading + (deadline - now.latest).duration())
}

// tell reports whether the last replies tell what time it is.
func (g *guard) tell(reading time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.clocks.Tell(reading)
}

// duration returns the time in nanoseconds, which reach to the year 2262.
func (t unixMicro) duration() time.Duration {
	const most = math.MaxInt64 / 1000
	return time.Duration(min(max(t, -most), most)) * time.Microsecond
}

func (t unixMicro) after(d time.Duration) unixMicro { return t + unixMicro(d.Microseconds()) }

// observe takes in a sample of a voter's clock.
func (g *guard) observe(voter int, sent time.Duration, serverTime unixMicro) {
	s := clockdrift.Sample{Sent: sent, Received: g.clock.Now(), Time: serverTime.duration()}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clocks.Observe(voter, s)
}

// enrolled takes in what a voter says of its enrolment.
func (g *guard) enrolled(voter int, m marker) {
	now, _ := g.now()
	g.mu.Lock()
	m.judged = g.markers[voter].judged && g.markers[voter].number == m.number
	g.markers[voter] = m
	g.mu.Unlock()
	// Another locker, with a longer MaxTTL, may have said so for want of better knowledge.
	tooLong := m.until > now.latest.after(g.maxTTL) && !m.judged
	if m.until == 0 || tooLong {
		g.newcomer()
	}
}

// judge notes whether it's known for certain how long a voter has to wait after an enrolment.
func (g *guard) judge(voter int, number int64, certain bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := &g.markers[voter]; m.number == number {
		m.judged = certain
	}
}

func (g *guard) marker(voter int) marker {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.markers[voter]
}

// longestWait returns how long a voter that was just enrolled has to wait at the most, if no lock was
// longer than our own may be.
func (g *guard) longestWait() time.Duration { return g.maxTTL + 2*g.bound }

// left returns how much time there is until a moment, at the least 0.
func (g *guard) left(until unixMicro) time.Duration {
	now, _ := g.now()
	return max((until - now.earliest).duration(), 0)
}

// expected returns how much time there should be until no earlier moment than this is thought possible, if our own clock runs at the right
// rate. It's a guess: what's certain is what left says.
func (g *guard) expected(until unixMicro) time.Duration {
	reading := g.clock.Now()
	g.mu.Lock()
	agreed := g.clocks.Agreed(reading)
	g.mu.Unlock()
	if !agreed.Known() {
		return g.left(until)
	}
	return max(until.duration()-(agreed.Middle()-g.maxError), 0)
}

// clockOf returns how far a voter's clock is ahead of the agreed time, at the least and at the most.
func (g *guard) clockOf(voter int) (ahead clockdrift.Interval, known bool) {
	reading := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	own, agreed := g.clocks.At(voter, reading), g.clocks.Agreed(reading)
	if !own.Known() || !agreed.Known() {
		return clockdrift.Interval{}, false
	}
	return clockdrift.Interval{Low: own.Low - agreed.High, High: own.High - agreed.Low}, true
}

// astray says what's wrong with a clock that's too far off for its voter to vote.
func (g *guard) astray(voter int) error {
	ahead, known := g.clockOf(voter)
	if !known {
		return errors.New("its clock is far off most others'; put it right")
	}
	return fmt.Errorf("its clock is %s most others'; put it right", aheadOrBehind(ahead.Middle()))
}

// disagreement says, for the errors of voters whose clocks can't be brought together, where each
// of them is.
func (g *guard) disagreement(nodes []NodeResult) {
	reading := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	first := -1
	for voter := range nodes {
		own := g.clocks.At(voter, reading)
		if nodes[voter].Outcome != Granted || !own.Known() {
			continue
		}
		nodes[voter].Outcome = ClockSuspect
		if first < 0 {
			first = voter
			nodes[voter].Err = fmt.Errorf("too few clocks agree on the time, at least %d have to; synchronise them", quorum.Majority(len(nodes)))
			continue
		}
		off := own.Middle() - g.clocks.At(first, reading).Middle()
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
