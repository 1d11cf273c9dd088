package redlock

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	complainAfter = 10 * time.Second // of waiting
	complainEvery = time.Minute      // for each locker, however many wait
)

// complaints says by log/slog that somebody waits for a lock that nobody can have at present, or ever. Otherwise a Do with a
// context that never ends would hang without a word. The zero value is ready.
type complaints struct {
	mu   sync.Mutex
	last time.Time
}

// waits hears of each attempt that failed, and of when the first one of the same wait did.
func (c *complaints) waits(ctx context.Context, name string, since time.Time, err error) {
	waited, why := time.Since(since), inVain(err)
	if waited < complainAfter || why == "" || !c.due() {
		return // it has been short; it's worth waiting; it was said
	}
	slog.WarnContext(ctx, "redlock: still waiting for a lock, since "+why, "name", name, "waited", waited.Round(time.Second), "err", err)
}

// inVain says why nobody can have the lock; empty where somebody else has it, or the voters vote again by themselves.
func inVain(err error) string {
	switch {
	case errors.Is(err, errNoTTL):
		return "its key has no TTL, and so never ends"
	case errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrQuarantined):
		return "too few voters are of use"
	}
	return ""
}

func (c *complaints) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.last.IsZero() && now.Sub(c.last) < complainEvery {
		return false
	}
	c.last = now
	return true
}
