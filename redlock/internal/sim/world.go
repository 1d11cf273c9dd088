package sim

import (
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// Sources is what a locker gets from outside and must be the seed's in a simulation.
type Sources struct {
	// Token returns the random bits of a lock's token. It's called once by each attempt, at
	// its start.
	Token func() (hi, lo uint64)
	// Jitter returns a number in [0, n).
	Jitter func(n int64) int64
	// Wall is the client's wall clock.
	Wall func() time.Time
}

// Open makes a locker that asks one thing of a voter at a time.
type Open func([]redis.UniversalClient, Sources, ...redlock.Option) (*redlock.Locker, error)

// world is one run.
type world struct {
	plan    *Plan
	open    Open
	quorum  *redlocktest.Quorum
	history *history
	clients []*client
	next    list // of clients that the plan doesn't know: they come when the faults have ended
	last    int  // the list that's in force at the end

	mu      sync.Mutex
	members []*redlocktest.Member // of all processes there ever were
	stopped time.Duration         // for how long the clients were stopped in all
}

// Run carries out a plan and reports what it found. Call it within a synctest bubble. The
// trace, which may be nil, gets every command that reaches a voter and every event at a
// client, a line each, with its virtual time.
func Run(tb redlocktest.TB, plan *Plan, open Open, trace io.Writer) *Report {
	w := newWorld(tb, plan, open, trace)
	w.history.note("%v", plan)
	var processes sync.WaitGroup
	for _, c := range w.clients {
		processes.Go(c.run)
	}
	w.strike()
	processes.Wait()
	w.settle()
	return &w.history.report
}

func newWorld(tb redlocktest.TB, plan *Plan, open Open, trace io.Writer) *world {
	w := &world{
		plan: plan,
		open: open,
		quorum: redlocktest.New(tb, plan.Nodes,
			redlocktest.WithSeed(int64(plan.Seed)), redlocktest.WithLatency(plan.MinLatency, plan.MaxLatency)),
	}
	if err := w.tellVoters(); err != nil {
		panic(err) // nothing has failed yet
	}
	w.history = newHistory(plan, trace)
	for i, n := range w.quorum.Nodes() {
		n.SetRate(plan.Rate)
		w.history.watch(i, n)
	}
	for i := range plan.Clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	return w
}

// strike lets the plan's events happen, each at its time, and returns when the time is up.
func (w *world) strike() {
	for _, e := range w.plan.events {
		time.Sleep(e.at - w.history.now())
		w.history.note("%s", e.what)
		e.do(w)
	}
	time.Sleep(w.plan.Length - w.history.now())
	w.history.note("the faults end")
	for _, c := range w.clients {
		c.slowDown(0) // of the processes to come, too
	}
	w.healLinks()
	for i, n := range w.quorum.Nodes() {
		n.SetRate(w.plan.Rate)
		n.Resume()
		if !n.Running() {
			w.restart(i, true)
		}
	}
}

// healLinks ends the faults of the network.
func (w *world) healLinks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.members {
		for i := range w.plan.Nodes {
			l := m.Link(i)
			heal(l)
			l.Delay(0, 0)
			l.DropRequests(0)
			l.DropReplies(0)
		}
	}
}

// crash ends a voter's process. Without durable data the next one has forgotten, whatever its memory is.
func (w *world) crash(voter int) {
	if w.mayForget(voter) {
		w.quorum.Node(voter).Crash()
	}
}

func (w *world) restart(voter int, keepMemory bool) {
	if w.quorum.Node(voter).Running() {
		return // it hasn't crashed
	}
	w.quorum.Node(voter).Restart(keepMemory)
	w.history.changed(voter)
}

func (w *world) flush(voter int) {
	if w.mayForget(voter) {
		w.quorum.Node(voter).Flush()
		w.history.changed(voter)
	}
}

// stop makes everything but the clients live through d.
func (w *world) stop(d time.Duration) { w.pass(d, nil) }

// pause makes everything but one client's machine live through d, its clock included. The others are
// stopped meanwhile. What the machine began before that can't be helped: the replies may have been on
// their way already.
func (w *world) pause(paused *client, d time.Duration) {
	w.history.unaware(paused.machine().Name())
	w.pass(d, paused)
}

// pass lets d pass at once, on all clocks but that of a paused client.
func (w *world) pass(d time.Duration, paused *client) {
	w.mu.Lock()
	w.stopped += d
	w.mu.Unlock()
	w.history.mu.Lock()
	w.history.stopped += d
	w.history.mu.Unlock()
	for _, c := range w.clients {
		if c != paused {
			c.machine().Clock().Suspend(d)
		}
	}
	for _, n := range w.quorum.Nodes() {
		n.Jump(d)
	}
	w.history.note("they go on")
}

// over reports whether the clients should come to an end.
func (w *world) over() bool { return w.history.now() >= w.plan.Length }

// member returns a machine for a new process.
func (w *world) member(name string) *redlocktest.Member {
	m := w.quorum.Member(name)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members = append(w.members, m)
	return m
}

// wall returns the wall clock of a machine that's off by so much.
func (w *world) wall(off time.Duration) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.stopped + off)
}

// settle lets the dust settle after the faults, and checks what must be true then.
func (w *world) settle() {
	w.completeChange()
	w.recover()
	w.endChange()
	// Locks that were left behind run out, also where a clock was set back, and where the request
	// for one comes only now. A voter's clock may be slower than ours.
	time.Sleep(w.plan.lingering + w.plan.setBack + time.Duration(DriftFactor*float64(w.plan.setBack)) + 2*MaxTTL)
	w.takeTurns()
	w.rush()
	w.history.requireTidy()
	for _, c := range w.clients {
		c.shutDown()
	}
}

// recover has a client that was there all the time, and one that knows nothing yet, take each
// lock.
func (w *world) recover() {
	newcomer := newClient(w, len(w.clients))
	w.clients = append(w.clients, newcomer)
	// The newcomer's workers look for work as soon as they have begun. If it came in that very instant, it would be the
	// scheduler's which of them see it.
	time.Sleep(time.Microsecond)
	var busy sync.WaitGroup
	for _, c := range []*client{w.clients[0], newcomer} {
		busy.Go(func() {
			for _, name := range w.plan.Names {
				c.mustLock(name)
			}
		})
	}
	busy.Wait()
	if !w.plan.Shapes {
		return
	}
	for i, c := range []*client{w.clients[0], newcomer} {
		names := slices.Clone(w.plan.Names)
		if i == 1 {
			slices.Reverse(names) // they would wait for each other in a circle, if they went by their own orders
		}
		busy.Go(func() {
			for range 3 {
				c.mustLockAll(names)
			}
		})
	}
	busy.Wait()
}

// rush makes all clients grab for the same lock again and again, with a few messages lost but
// no voter out of order, so that many attempts fail with the votes split.
func (w *world) rush() {
	var busy sync.WaitGroup
	for _, c := range w.clients {
		busy.Go(func() {
			for range 3 {
				c.sleep(time.Millisecond)
				c.loseSomething()
				c.snatch(w.plan.Names[0])
			}
		})
	}
	busy.Wait()
	time.Sleep(tidyUp)
}

// tidyUp is how long the releases may take when no voter is out of order: an exchange that
// fails, its repetition after a pause, and some more of them where a request was in doubt.
// It's well below the locks' TTL, which would tidy up as well.
const tidyUp = MaxTTL / 2

// seeded returns a random source that belongs to one part of the run.
func (w *world) seeded(part string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(part) {
		h = (h ^ uint64(part[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(w.plan.Seed, h))
}
