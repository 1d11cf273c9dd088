// Package guard is what a locker knows of its voters as servers: what time their clocks agree on, from when on each of them may vote, for
// which set of voters it does, and which addresses lead to one server. It knows nothing of Redis, and sends nothing: the locker asks the
// voters, tells the guard what they said, and goes by what follows from that. docs/design.md has the argument.
package guard

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// Config is what a guard goes by.
type Config struct {
	Clock clockdrift.Clock
	// Drift is by how much Clock's rate may be off, and MaxError by how much a right clock of a voter is.
	Drift    float64
	MaxError time.Duration
	// Bound is how uncertain the time may be for a lock to be asked for.
	Bound time.Duration
	// MaxTTL is that of the locker.
	MaxTTL time.Duration
	// Together is for how long replies to requests of one moment tell what time it is.
	Together time.Duration
	// Members is the locker's set of voters, or two. Mute voters have no marker and no clock that counts.
	Members member.Config
	Mute    []bool
	// Newcomer is called when a voter has been seen that somebody has to admit, or tell for whom it votes. It must not block.
	Newcomer func()
}

// Guard is safe for concurrent use.
//
// The agreed time, widened by the error that a right clock may have, holds true time. So a lock
// that was asked for at a moment that is no later than Latest is over, whatever any one server
// thinks of it, when Earliest has reached that moment plus the TTL.
type Guard struct {
	Config
	electorate quorum.Electorate
	settled    atomic.Bool // a majority was heard to vote for one of the locker's sets, and nobody has denied it since

	mu      sync.Mutex
	clocks  *clockdrift.Clocks
	markers []Marker
	certain []int64 // by voter: the enrolment of which it's known for certain how long it has to wait; 0 for none
	servers map[ServerID]sighting
	views   []member.View
}

// New returns a guard that knows nothing yet.
func New(c Config) *Guard {
	var sets [][]int
	for _, e := range c.Members {
		sets = append(sets, e.Voters)
	}
	g := &Guard{
		Config:     c,
		electorate: quorum.Joint(sets...),
		clocks:     clockdrift.NewJointClocks(c.Drift, c.MaxError, c.Together, sets...),
		servers:    make(map[ServerID]sighting),
	}
	n := g.electorate.Voters()
	g.markers, g.certain, g.views = make([]Marker, n), make([]int64, n), make([]member.View, n)
	for voter, mute := range c.Mute {
		g.views[voter].Mute = mute
	}
	return g
}

// CanTell reports whether so many of n voters that have a clock are enough to agree on the time.
func CanTell(clocks, n int) bool { return clocks >= n-(n-1)/2 }

// Time is an agreed time in microseconds since the Unix epoch.
type Time int64

// Duration returns the time in nanoseconds, which reach to the year 2262.
func (t Time) Duration() time.Duration {
	const most = math.MaxInt64 / 1000
	return time.Duration(min(max(t, -most), most)) * time.Microsecond
}

// After returns the moment d later.
func (t Time) After(d time.Duration) Time { return t + Time(d.Microseconds()) }

// Span is what time it is, by agreement: no earlier and no later than this.
type Span struct{ Earliest, Latest Time }

// Left returns how much time there may be until a moment, at the least 0.
func (s Span) Left(until Time) time.Duration { return max((until - s.Earliest).Duration(), 0) }

// Observe takes in what a voter's clock said in a reply to a request of which we know when it was sent.
func (g *Guard) Observe(voter int, sent time.Duration, said Time) {
	s := clockdrift.Sample{Sent: sent, Received: g.Clock.Now(), Time: said.Duration()}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clocks.Observe(voter, s)
}

// Now returns what time it is, and whether that's known well enough to ask for a lock: one that is
// asked for with a time that's much too late blocks its name for as long if its holder dies.
func (g *Guard) Now() (s Span, known bool) { return g.At(g.Clock.Now()) }

// At is [Guard.Now] for a reading of the clock.
func (g *Guard) At(reading time.Duration) (s Span, known bool) {
	g.mu.Lock()
	agreed := g.clocks.Agreed(reading)
	g.mu.Unlock()
	agreed = agreed.Widen(g.MaxError)
	s.Earliest = Time(agreed.Low.Microseconds()) - 1 // down, also where it's negative
	s.Latest = Time(agreed.High.Microseconds()) + 1
	return s, agreed.Known() && agreed.Width() <= g.Bound
}

// Expected returns how much time there should be until no earlier moment than this is thought possible, if our own clock runs at the right
// rate. It's a guess: what's certain is what [Span.Left] says.
func (g *Guard) Expected(until Time) time.Duration {
	s, known := g.Now()
	if !known {
		return s.Left(until)
	}
	middle := s.Earliest + (s.Latest-s.Earliest)/2
	return max((until-middle).Duration()+g.MaxError, 0)
}

// Ahead returns how far a voter's clock is ahead of the agreed time, at the least and at the most.
func (g *Guard) Ahead(voter int) (ahead clockdrift.Interval, known bool) {
	reading := g.Clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	own, agreed := g.clocks.At(voter, reading), g.clocks.Agreed(reading)
	return clockdrift.Interval{Low: own.Low - agreed.High, High: own.High - agreed.Low}, own.Known() && agreed.Known()
}

// Apart returns how far a voter's clock is ahead of another's.
func (g *Guard) Apart(voter, other int) (ahead time.Duration, known bool) {
	reading := g.Clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	own, its := g.clocks.At(voter, reading), g.clocks.At(other, reading)
	return own.Middle() - its.Middle(), own.Known() && its.Known()
}

// Trust cuts a window off where the agreed time comes to a lock's deadline. That changes something
// only if the holder's clock stood still while others didn't, as in a machine that its hypervisor
// paused: the replies to a request show it. Where they're too old to tell the time, since the process was
// stopped in the meantime, nothing shows it, and the window is closed.
func (g *Guard) Trust(w clockdrift.Window, deadline Time) clockdrift.Window {
	reading := g.Clock.Now()
	if reading-w.Start() > g.Together && !g.tell(reading) {
		return w.Until(w.Start())
	}
	return g.cut(w, deadline, reading)
}

// Shorten is [Guard.Trust] for a window of an earlier request, which replies to a later one may show to be over sooner. Where they're too
// old to tell the time, it stays as it is.
func (g *Guard) Shorten(w clockdrift.Window, deadline Time) clockdrift.Window {
	reading := g.Clock.Now()
	if !g.tell(reading) {
		return w
	}
	return g.cut(w, deadline, reading)
}

func (g *Guard) cut(w clockdrift.Window, deadline Time, reading time.Duration) clockdrift.Window {
	now, _ := g.At(reading)
	return w.Until(reading + (deadline - now.Latest).Duration())
}

// tell reports whether the last replies tell what time it is.
func (g *Guard) tell(reading time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.clocks.Tell(reading)
}
