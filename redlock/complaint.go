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

// complaints says by log/slog that somebody waits for a lock that nobody can have at present. Otherwise a Do with a
// context that never ends would hang without a word. The zero value is ready.
type complaints struct {
	mu   sync.Mutex
	last time.Time
}

// waits hears of each attempt that failed, and of when the first one of the same wait did.
func (c *complaints) waits(ctx context.Context, name string, since time.Time, err error) {
	waited := time.Since(since)
	if waited < complainAfter || !errors.Is(err, ErrNoQuorum) || errors.Is(err, ErrQuarantined) || !c.due() {
		return // it has been short; another holds the lock; the voters vote again by themselves; it was said
	}
	slog.WarnContext(ctx, "redlock: still waiting for a lock, since too few voters are of use", "name", name, "waited", waited.Round(time.Second), "err", err)
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
