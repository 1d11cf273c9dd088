package redlock

import (
	"context"
	"time"
)

// renew extends the lock at every third of its TTL until it's released or lost. It runs when the time has come, so
// a lock that's held costs no goroutine. Close waits for those that run, and lets none begin.
func (lk *Lock) renew() {
	l := lk.locker
	seen := l.beginApart(lk.ctx, opExtend, lk.name, lk) // it may close the locker, so it isn't waited for
	if !l.busy.begin(l.closing) {
		l.doneApart(seen, ErrClosed)
		return // the lock runs out, as Close promises
	}
	defer l.busy.running.Done()
	ctx, cancel := context.WithCancel(lk.ctx)
	defer cancel()
	defer context.AfterFunc(l.closing, cancel)()
	err := lk.extend(ctx, &seen, lk.ttl)
	l.doneApart(seen, err)
	lk.mu.Lock()
	defer lk.mu.Unlock()
	switch {
	case lk.loss != nil || lk.renewal == nil:
	case err != nil:
		// Two thirds of the TTL are left, enough for several more tries.
		lk.renewal.Reset(max(min(l.options.nodeTimeout, lk.remaining()/4), time.Millisecond))
	default:
		lk.renewal.Reset(lk.ttl / 3)
	}
}
