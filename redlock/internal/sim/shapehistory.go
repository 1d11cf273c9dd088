package sim

import (
	"context"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/redlock"
)

// leader is a function that runs in an office.
type leader struct {
	client string
	ctx    context.Context
	lock   *redlock.Lock
}

// flag records a broken promise.
func (h *history) flag(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violation(format, args...)
}

// together checks that the work under several locks is told of the first loss.
func (h *history) together(client string, ctx context.Context, ls *redlock.Locks) {
	lost := ""
	for _, name := range ls.Names() {
		if ls.Lock(name).Context().Err() != nil {
			lost = name
		}
	}
	time.Sleep(time.Nanosecond) // for the goroutines that pass it on
	if lost != "" && ctx.Err() == nil {
		h.flag("all: client %s isn't told that it has lost %q of %q", client, lost, ls.Names())
	}
	if lost != "" && ls.Valid() {
		h.flag("all: client %s has lost %q, and %q count as valid", client, lost, ls.Names())
	}
	h.note("client %s: works under %q", client, ls.Names())
}

// inOffice notes that a leader's function begins, and returns what notes its end.
func (h *history) inOffice(client string, ctx context.Context, lk *redlock.Lock) (end func()) {
	l := &leader{client, ctx, lk}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaders = append(h.leaders, l)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.leaders = slices.DeleteFunc(h.leaders, func(other *leader) bool { return other == l })
	}
}

// fromNow returns a moment by true time. A holder measures it by its own clock.
func (h *history) fromNow(d time.Duration) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.truth().Add(d - time.Duration(float64(d)*DriftFactor))
}

// kept notes that others are kept from a lock that was released.
func (h *history) kept(lk *redlock.Lock, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempts[lk.Token()].kept = until
}

// ends notes that a lock must not be valid for longer than that.
func (h *history) ends(lk *redlock.Lock, most time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempts[lk.Token()].end = h.lived() + most
}

// lived is for how long the clients have lived by their own clocks. A machine that was paused doesn't know of it, and is excused.
func (h *history) lived() time.Duration { return h.now() + h.stopped }

// checkKept is called when a lock was acquired.
func (h *history) checkKept(client string, lk *redlock.Lock) {
	for _, a := range h.locks {
		if left := a.kept.Sub(h.truth()); a.lock.Name() == lk.Name() && left > 0 {
			h.violation("kept: client %s got %q, %v before the end of what client %s has it kept for", client, lk.Name(), left, a.client)
		}
	}
}

// checkShapes looks at all locks that are held.
func (h *history) checkShapes() {
	taken := 0
	for _, a := range h.locks {
		if a.excused || !a.lock.Valid() {
			continue
		}
		if a.end > 0 && h.lived() > a.end {
			h.violation("forgotten: the lock of client %s on %q is valid %v after its end", a.client, a.lock.Name(), h.lived()-a.end)
		}
		if isSlot(a.lock.Name()) {
			taken++
		}
	}
	if taken > slots {
		h.violation("slots: %d of %d are held", taken, slots)
	}
	h.checkLeaders()
}

// checkLeaders counts those that act: they haven't been told to stop. The timers of processes that were stopped lag, so
// what they have been told says nothing.
func (h *history) checkLeaders() {
	if h.plan.Stopping || h.plan.Paused {
		return
	}
	var acting []string
	for _, l := range h.leaders {
		if l.ctx.Err() == nil && !h.attempts[l.lock.Token()].excused {
			acting = append(acting, l.client)
		}
	}
	if len(acting) > 1 {
		h.violation("leadership: clients %q lead at once", acting)
	}
}
