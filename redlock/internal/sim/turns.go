package sim

import (
	"context"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/redlock"
)

// What waiting promises where messages get through and nobody is killed, whatever the faults have left behind: clocks that are wrong,
// voters that are quarantined or empty, lines and locks of the dead.
const (
	// turnsEach is how often each client takes the lock.
	turnsEach = 4
	// idleMost is how long the lock may be free while somebody waits for it, messages apart: a look comes, an attempt may fail
	// by a time-out, another follows. And votes may split a few times, where the faults left the clients with different ideas of who the lead
	// voter is; 3 node time-outs were too few in one of 2,000 seeds.
	idleMost = 6 * NodeTimeout
	// messagesMost is how many messages may be on their way one after the other meanwhile.
	messagesMost = 10
)

// turns judges who gets a lock and when.
type turns struct {
	history *history

	mu      sync.Mutex
	waiting []*wait
	freed   time.Duration // when the lock was given back, if it's free
	idle    time.Duration // the longest that it was free while somebody waited
	most    int           // the most often that anybody was overtaken
}

// wait is a client that waits.
type wait struct {
	since     time.Duration
	overtaken int
}

func (t *turns) waits() *wait {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &wait{since: t.history.now()}
	t.waiting = append(t.waiting, w)
	return w
}

// served notes that a waiter has the lock: whoever has waited longer was overtaken.
func (t *turns) served(who *wait) {
	t.mu.Lock()
	defer t.mu.Unlock()
	still := t.waiting[:0]
	for _, w := range t.waiting {
		if w == who {
			continue
		}
		if w.since < who.since {
			w.overtaken++
		}
		still = append(still, w)
	}
	t.waiting = still
	t.most = max(t.most, who.overtaken)
	if t.freed > 0 {
		t.idle = max(t.idle, t.history.now()-max(t.freed, who.since))
	}
	t.freed = 0
}

func (t *turns) free() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.freed = t.history.now()
}

// turnWithin is far longer than all turns of all clients take together. Only a lock that is never given back makes somebody wait for so long.
const turnWithin = 5 * time.Minute

// takeTurns lets all clients take the same lock again and again.
func (w *world) takeTurns() {
	t := &turns{history: w.history}
	var busy sync.WaitGroup
	for _, c := range w.clients {
		busy.Go(func() {
			for range turnsEach {
				c.sleep(NodeTimeout)
				c.takeTurn(t, w.plan.Names[0])
			}
		})
	}
	busy.Wait()
	h := w.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.report.Overtaken = t.most
	h.report.Idle = t.idle
	// Each other client may have begun without knowing that anybody waits. And where the faults left the clients with different ideas
	// of where to stand, each was in another line, until its next look a quarter of a node time-out later: that's two turns of its own at most.
	if most := 3 * (len(w.clients) - 1); t.most > most {
		h.violation("turns: a client was overtaken %d times by others that waited less, at most %d are right", t.most, most)
	}
	if most := idleMost + messagesMost*w.plan.MaxLatency; t.idle > most {
		h.violation("turns: the lock was free for %v while somebody waited, at most %v is right", t.idle, most)
	}
}

func (c *client) takeTurn(t *turns, name string) {
	h := c.world.history
	known := h.known(name)
	h.note("client %s: waits for %q", c.name, name)
	waiting := t.waits()
	ctx, cancel := context.WithTimeout(c.alive, turnWithin)
	defer cancel()
	lk, err := c.locker.Lock(ctx, name, redlock.TTL(MaxTTL))
	if ctx.Err() == context.DeadlineExceeded {
		h.mu.Lock()
		h.violation("turns: client %s waited for %q for %v in vain: %s", c.name, name, turnWithin, reason(err))
		h.mu.Unlock()
	}
	if err != nil {
		h.note("client %s: %q refused: %s", c.name, name, reason(err))
		return
	}
	t.served(waiting)
	h.acquired(c.name, lk, known)
	c.sleep(NodeTimeout / 4)
	t.free()
	c.unlock(lk)
}
