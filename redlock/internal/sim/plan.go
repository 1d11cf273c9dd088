package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// The lockers' options, the same in every run. They are as close together as they can be, so
// that a run sees many locks expire.
const (
	// MaxTTL is the lockers' TTL and MaxTTL.
	MaxTTL = 2 * time.Second
	// NodeTimeout is the lockers' node time-out.
	NodeTimeout = 25 * time.Millisecond
	// DriftFactor is the lockers' drift factor.
	DriftFactor = 0.01
	// Linger is the longest that a message is on its way: many times as long as a lock lives.
	Linger = 25 * time.Second

	// exchange is the longest round trip that the library learns anything from: package
	// redlock ends an exchange after max(4*NodeTimeout, 100 ms).
	exchange = 100 * time.Millisecond
	// settling is the part of the bound on recovery that isn't MaxTTL: the pauses between the
	// attempts of Lock, and exchanges with voters that don't answer.
	settling = time.Second
)

// MaxClockError is the lockers' largest error of a right clock.
const MaxClockError = 50 * time.Millisecond

// rightness is how far the clocks that aren't wrong are off, either way.
const rightness = MaxClockError * 9 / 10

// Recovery is the time in which a healthy majority locks again. A forgetful voter waits for MaxTTL from
// the first contact, and a lock left behind by a dead client is over after its TTL. Either takes twice the
// largest error of a clock longer, and as long again where clocks are that far apart. With the drift
// that clients may have, and with the pauses between attempts, that's it.
const Recovery = MaxTTL + MaxTTL/50 + 4*MaxClockError + settling

// recovery is Recovery, and longer where locks may be kept, and voters wait, for longer than MaxTTL.
func (p *Plan) recovery() time.Duration {
	if p.Shapes {
		return Recovery + longestKept - MaxTTL
	}
	return Recovery
}

// Plan is all that a seed decides before a run begins. The clients' choices come from the
// seed as well, but depend on what happens to them.
type Plan struct {
	Seed    uint64
	Nodes   int
	Clients int
	Names   []string
	// Shapes has the clients take the shapes of lock that are built on the plain one.
	Shapes bool
	// Every message takes between MinLatency and MaxLatency.
	MinLatency, MaxLatency time.Duration
	// Rate is how fast the voters' clocks run, those that aren't wrong.
	Rate float64
	// Durable makes the lockers trust voters at once after a restart.
	Durable bool
	// Forgetful allows voters to lose their memory.
	Forgetful bool
	// Stopping allows the clients to be stopped.
	Stopping bool
	// Paused lets hypervisors pause single clients: their own clocks stand still meanwhile. It takes
	// right clocks to notice that, so none of the voters' is wrong.
	Paused bool
	// WallSkew is how far the clients' wall clocks may be off in either direction.
	WallSkew time.Duration
	// Wrong lists the voters whose clocks may be wrong. Where InTurns is set, it's one at a time, and
	// any voter's turn comes.
	Wrong   []int
	InTurns bool
	// CutOff lists, for each client, the voters that it never reaches as long as the faults
	// last: at most a minority. Two majorities then often share a single voter.
	CutOff [][]int
	// Lists are the lists of voters of a run that changes it, the first one first. They're nil where all voters are the list throughout.
	Lists [][]int
	// Length is when the faults end.
	Length time.Duration

	events    []event
	setBack   time.Duration // how far a clock can fall behind in all
	lingering time.Duration // the longest that a request can be on its way

	lists []list // which list each client has at first, where it changes
}

func (p *Plan) String() string {
	return fmt.Sprintf("%d voters (clocks run at %.5f, may be wrong: %v, in turns %t), %d clients (cut off from %v), messages take %v to %v, durable %t, forgetful %t, paused %t, lists %v",
		p.Nodes, p.Rate, p.Wrong, p.InTurns, p.Clients, p.CutOff, p.MinLatency, p.MaxLatency, p.Durable, p.Forgetful, p.Paused, p.Lists)
}

// event is one thing that happens to the world. Every fault is two: its begin and its end.
type event struct {
	at   time.Duration
	what string
	do   func(*world)
}

// NewPlan returns the plan of a seed.
func NewPlan(seed uint64) *Plan { return newPlan(seed, changesMembership(seed)) }

// NewChangesPlan returns a plan of a seed that changes the list of voters.
func NewChangesPlan(seed uint64) *Plan { return newPlan(seed, true) }

func newPlan(seed uint64, changes bool) *Plan {
	p := &planner{rand: rand.New(rand.NewPCG(seed, 1)), Plan: Plan{Seed: seed}}
	p.setUp()
	if changes {
		p.chooseLists()
		p.planMembership()
	}
	for range 3 + p.rand.IntN(18) {
		p.anyFault(p.moment())
	}
	p.planSteps()
	p.planWrongClocks()
	p.planPauses()
	slices.SortStableFunc(p.events, func(a, b event) int { return int(a.at - b.at) })
	return &p.Plan
}

// planner writes a plan.
type planner struct {
	Plan
	rand *rand.Rand
}

func (p *planner) setUp() {
	p.Nodes = []int{1, 3, 3, 3, 3, 4, 5, 5, 5, 5}[p.rand.IntN(10)]
	p.Clients = 2 + p.rand.IntN(3)
	p.Names = []string{"job", "shop:{42}"}[:1+p.rand.IntN(2)]
	p.MinLatency = p.between(50*time.Microsecond, time.Millisecond)
	p.MaxLatency = p.MinLatency + p.between(100*time.Microsecond, 8*time.Millisecond)
	p.Length = p.between(2*MaxTTL, 3*MaxTTL)
	p.Durable = p.rand.IntN(4) == 0
	p.Forgetful = p.rand.IntN(3) > 0
	p.Stopping = p.rand.IntN(3) > 0
	p.WallSkew = time.Hour / 2
	minority := (p.Nodes - 1) / 2
	p.Wrong = p.rand.Perm(p.Nodes)[:p.rand.IntN(minority+1)]
	if p.Paused = p.Nodes > 1 && p.rand.IntN(4) == 0; p.Paused {
		p.Wrong = nil
	}
	if p.InTurns = len(p.Wrong) > 0 && p.rand.IntN(3) == 0; p.InTurns {
		p.Wrong = p.rand.Perm(p.Nodes)
	}
	for range p.Clients {
		p.CutOff = append(p.CutOff, p.rand.Perm(p.Nodes)[:p.rand.IntN(minority+1)])
	}
	switch p.rand.IntN(4) {
	case 0:
		p.Rate = 1
	case 1: // nearly the whole of the drift factor
		p.Rate = 1 + DriftFactor*(0.8+0.12*p.rand.Float64())
	default:
		p.Rate = 1 + DriftFactor*0.4*(2*p.rand.Float64()-1)
	}
}

func (p *planner) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.rand.Int64N(int64(most-least)+1))
}

// moment returns an instant at which a fault may begin.
func (p *planner) moment() time.Duration { return p.between(0, p.Length) }

// spell returns how long a fault lasts: short ones are as likely as long ones.
func (p *planner) spell() time.Duration {
	if p.rand.IntN(2) == 0 {
		return p.between(time.Millisecond, 4*NodeTimeout)
	}
	return p.between(4*NodeTimeout, 2*MaxTTL)
}

func (p *planner) add(at time.Duration, do func(*world), format string, args ...any) {
	if at < p.Length {
		p.events = append(p.events, event{at, fmt.Sprintf(format, args...), do})
	}
}
