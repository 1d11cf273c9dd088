package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// startLocker returns a locker on three embedded nodes, in place of three Redis servers.
func startLocker(opts ...redlock.Option) (locker *redlock.Locker, end func()) {
	nodes, err := redlocktest.Start(3)
	if err != nil {
		log.Fatal(err)
	}
	locker, err = redlock.New(nodes.Clients(), opts...)
	if err != nil {
		log.Fatal(err)
	}
	return locker, func() { _ = locker.Close(); nodes.Close() }
}

// A transfer needs both accounts. Each has its own fencing token, for its own row.
func ExampleLocker_DoAll() {
	locker, end := startLocker()
	defer end()
	err := locker.DoAll(context.Background(), []string{"account:9", "account:4"}, func(ctx context.Context, locks *redlock.Locks) error {
		fmt.Println(locks.Names(), locks.Fence("account:4") > 0, locks.Fence("account:9") > 0)
		return nil
	})
	fmt.Println(err)
	// Output:
	// [account:4 account:9] true true
	// <nil>
}

// Lead stands again when the office is lost. This leader gives it up in its second term.
func ExampleLocker_Lead() {
	locker, end := startLocker(redlock.WithOwner("web-1"))
	defer end()
	terms := 0
	err := locker.Lead(context.Background(), "scheduler", func(ctx context.Context, lock *redlock.Lock) error {
		owner, term, err := locker.Leader(ctx, "scheduler")
		fmt.Println(owner, "leads:", term == lock.Fence(), err)
		if terms++; terms == 1 {
			<-ctx.Done() // the term is over: stop what a leader does
		}
		return nil
	}, redlock.MaxHold(100*time.Millisecond))
	fmt.Println(err)
	// Output:
	// web-1 leads: true <nil>
	// web-1 leads: true <nil>
	// <nil>
}

// At most two at once, on all machines together.
func ExampleLocker_TrySlot() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	for range 3 {
		_, err := locker.TrySlot(ctx, "export", 2)
		fmt.Println(err == nil, errors.Is(err, redlock.ErrNotAcquired))
	}
	// Output:
	// true false
	// true false
	// false true
}

// A job of a moment that every machine starts: whoever comes late finds the lock still held.
func ExampleAtLeast() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	for _, machine := range []string{"a", "b"} {
		lock, err := locker.TryLock(ctx, "hourly", redlock.AtLeast(time.Minute))
		if errors.Is(err, redlock.ErrNotAcquired) {
			fmt.Println(machine, "has nothing to do")
			continue
		}
		fmt.Println(machine, "does it:", lock.Unlock(ctx))
	}
	// Output:
	// a does it: <nil>
	// b has nothing to do
}

// The lock is taken where a request comes in, and released by the worker that gets the task.
func ExampleLocker_Resume() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	lock, err := locker.TryLock(ctx, "video:17")
	if err != nil {
		log.Fatal(err)
	}
	token, fence := lock.Token(), lock.Fence() // these travel with the task

	resumed, err := locker.Resume(ctx, "video:17", token, fence)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resumed.Valid(), resumed.Unlock(ctx))
	// Output:
	// true <nil>
}
