package redlock

import (
	"context"
	"time"
)

// startRenewal extends the lock at every third of its TTL until it's released or lost. The
// goroutine belongs to the locker, whose Close ends it and waits for it.
func (l *Locker) startRenewal(lk *Lock) {
	l.renewals.Lock()
	defer l.renewals.Unlock()
	if l.closing.Err() != nil {
		return // the lock runs out, as Close promises
	}
	l.renewals.running.Go(func() { l.renew(lk) })
}

func (l *Locker) renew(lk *Lock) {
	ctx, cancel := context.WithCancel(lk.ctx)
	defer cancel()
	defer context.AfterFunc(l.closing, cancel)()
	pause := lk.ttl / 3
	for sleep(ctx, pause) {
		pause = lk.ttl / 3
		if err := lk.Extend(ctx); err != nil {
			// Two thirds of the TTL are left, enough for several more tries.
			pause = max(l.options.nodeTimeout, time.Millisecond)
		}
	}
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
