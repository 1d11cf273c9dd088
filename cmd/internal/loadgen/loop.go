package loadgen

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// loop is a load under way.
type loop struct {
	plan   Plan
	locker Locker
	start  time.Time    // of the load, on this process's clock
	slots  atomic.Int64 // of an open loop: how many acquisitions have been taken over by clients
	result *Result      // whose histograms are shared by the clients
	mu     sync.Mutex   // guards the rest of result
}

// Run puts the plan's load on the locker and returns when every client has given back its lock. The
// load begins at start, which stands for the plan's, and ends after the plan's duration or with ctx.
func Run(ctx context.Context, locker Locker, plan Plan, start time.Time) *Result {
	l := &loop{plan: plan, locker: locker, start: start, result: &Result{
		PerClient: make([]int64, plan.Clients),
		Acquire:   NewLatencies(), Release: NewLatencies(),
		Failed: make(map[string]int64), ReleaseFailed: make(map[string]int64),
	}}
	// Without a deadline, which libraries would look at: many callers have none.
	ctx, end := context.WithCancel(ctx)
	defer end()
	timer := time.AfterFunc(time.Until(l.end()), end)
	defer timer.Stop()
	var clients sync.WaitGroup
	for i := range plan.Clients {
		c := &client{loop: l, index: i, names: plan.names(plan.First + i)}
		clients.Go(func() { c.run(ctx) })
	}
	clients.Wait()
	l.countUntaken()
	return l.result
}

func (l *loop) end() time.Time { return l.start.Add(l.plan.Duration) }

// bootTime converts a reading of this process's clock.
func (l *loop) bootTime(t time.Time) time.Duration { return l.plan.Start + t.Sub(l.start) }

// slot is when the n-th acquisition of an open loop is meant to begin.
func (l *loop) slot(n int64) time.Time {
	return l.start.Add(time.Duration(float64(n) / l.plan.Rate * float64(time.Second)))
}

// countUntaken counts the acquisitions of an open loop that no client was free to begin.
func (l *loop) countUntaken() {
	if l.plan.Rate == 0 {
		return
	}
	for n := l.slots.Load(); l.slot(n).Before(l.end()); n++ {
		l.result.Unfinished++
		l.result.Acquire.Record(l.end().Sub(l.slot(n)))
	}
}

// client is one goroutine that locks.
type client struct {
	*loop
	index         int
	names         []name
	locks         int64
	turns         []Turn
	unfinished    int64
	failed        map[string]int64
	releaseFailed map[string]int64
}

func (c *client) run(ctx context.Context) {
	defer c.add()
	// The end of the load doesn't keep a lock from being given back.
	releasing := context.WithoutCancel(ctx)
	for turn := 0; ; turn++ {
		asked, from, inTime := c.begin(ctx)
		if !inTime {
			return
		}
		name := c.names[turn%len(c.names)]
		lease := c.acquire(ctx, name.text)
		acquired := time.Now()
		if lease == nil && c.plan.Every > 0 && ctx.Err() == nil {
			c.turns = append(c.turns, Turn{name.number, c.bootTime(asked), Never, Never})
			continue
		}
		if lease == nil {
			c.cutShort(name.number, asked)
			return
		}
		c.result.Acquire.Record(acquired.Sub(from))
		c.locks++
		sleep(ctx, c.plan.Hold)
		began := time.Now()
		if err := lease.Release(releasing); err != nil {
			count(&c.releaseFailed, c.locker.Kind(err))
		}
		c.result.Release.Record(time.Since(began))
		if c.plan.Contended() {
			c.turns = append(c.turns, Turn{name.number, c.bootTime(asked), c.bootTime(acquired), c.bootTime(began)})
		}
		sleep(ctx, c.plan.Rest)
	}
}

// timerSlack is how late a timer of an idle process may be without anything being wrong: the runtime waits
// in whole milliseconds.
const timerSlack = 1200 * time.Microsecond

// begin waits until the next acquisition is meant to begin, and returns when that was, and from when on
// it's counted; false if it's at the end of the load or later.
//
// The two differ only if the client was free and its timer late within its slack, which is no lock's fault.
// Whatever else keeps a client from beginning counts.
func (c *client) begin(ctx context.Context) (asked, from time.Time, inTime bool) {
	if ctx.Err() != nil {
		return asked, from, false // in an open loop it's counted as untaken
	}
	free := time.Now()
	asked = free
	switch {
	case c.plan.Rate > 0:
		asked = c.slot(c.slots.Add(1) - 1)
	case c.plan.Every > 0:
		asked = c.nextMoment()
	case free.Before(c.start):
		asked = c.start
	}
	if !asked.Before(c.end()) {
		return asked, from, false
	}
	if !free.Before(asked) {
		return asked, asked, true
	}
	sleep(ctx, asked.Sub(free))
	if woken := time.Now(); woken.Sub(asked) < timerSlack {
		return asked, woken, true
	}
	return asked, asked, true
}

// nextMoment is when all clients try the next time. Who was busy at a moment has missed it.
func (c *client) nextMoment() time.Time {
	since := max(time.Since(c.start), 0)
	return c.start.Add((since + c.plan.Every - 1).Truncate(c.plan.Every))
}

// acquire goes on until there is a lock, or returns nil at the end of the load, or after the only attempt.
func (c *client) acquire(ctx context.Context, name string) Lease {
	lock := c.locker.Lock
	if c.plan.Try || c.plan.Every > 0 {
		lock = c.locker.TryLock
	}
	for ctx.Err() == nil {
		lease, err := lock(ctx, name)
		if err == nil {
			return lease
		}
		if ctx.Err() == nil {
			count(&c.failed, c.locker.Kind(err))
		}
		if c.plan.Every > 0 {
			return nil
		}
		// An attempt that fails without asking anybody must not keep others from running.
		runtime.Gosched()
	}
	return nil
}

// cutShort counts a wait that the end of the load ended.
func (c *client) cutShort(name int, asked time.Time) {
	c.unfinished++
	c.result.Acquire.Record(c.end().Sub(asked))
	if c.plan.Contended() {
		c.turns = append(c.turns, Turn{name, c.bootTime(asked), Never, Never})
	}
}

// add adds what the client saw to the result.
func (c *client) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.result
	r.Locks += c.locks
	r.PerClient[c.index] = c.locks
	r.Unfinished += c.unfinished
	r.Turns = append(r.Turns, c.turns...)
	for kind, n := range c.failed {
		r.Failed[kind] += n
	}
	for kind, n := range c.releaseFailed {
		r.ReleaseFailed[kind] += n
	}
}

// mostKinds bounds the kinds of errors that a client tells apart, for those that are texts.
const mostKinds = 20

func count(counts *map[string]int64, kind string) {
	if *counts == nil {
		*counts = make(map[string]int64)
	}
	if _, known := (*counts)[kind]; !known && len(*counts) >= mostKinds {
		kind = "others"
	}
	(*counts)[kind]++
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
