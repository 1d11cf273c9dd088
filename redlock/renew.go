package redlock

import (
	"context"
	"time"
)

// startRenewal extends the lock at every third of its TTL until it's released or lost. The
// goroutine belongs to the locker, whose Close ends it and waits for it.
func (l *Locker) startRenewal(lk *Lock) {
	if !l.busy.begin(l.closing) {
		return // the lock runs out, as Close promises
	}
	go func() {
		defer l.busy.running.Done()
		l.renew(lk)
	}()
}

func (l *Locker) renew(lk *Lock) {
	ctx, cancel := context.WithCancel(lk.ctx)
	defer cancel()
	defer context.AfterFunc(l.closing, cancel)()
	pause := lk.ttl / 3
	for sleep(ctx, pause) {
		pause = lk.ttl / 3
		start := l.options.clock.Now()
		err := lk.extend(ctx)
		l.observeApart(opExtend, lk.name, 1, l.options.clock.Now()-start, err)
		if err != nil {
			// Two thirds of the TTL are left, enough for several more tries.
			pause = max(min(l.options.nodeTimeout, lk.Remaining()/4), time.Millisecond)
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
