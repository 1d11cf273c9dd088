package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// What a lock tells of itself, and how it's extended and given back.
func ExampleLock() {
	locker, end := startLocker(redlock.WithMaxTTL(time.Minute))
	defer end()
	ctx := context.Background()
	lock, err := locker.Lock(ctx, "report", redlock.TTL(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(lock.Name(), len(lock.Token()), lock.Fence() > 0)
	fmt.Println("valid:", lock.Valid(), "for 5 s less 1 %, 2 ms and what has passed:", lock.Remaining() < 4948*time.Millisecond)

	fmt.Println(lock.Extend(ctx)) // 5 s again, from now on
	fmt.Println(lock.ExtendTo(ctx, 30*time.Second), lock.Remaining() > 25*time.Second)

	fmt.Println(lock.Unlock(ctx))
	<-lock.Context().Done() // as when it's lost
	fmt.Println(context.Cause(lock.Context()))
	// Output:
	// report 32 true
	// valid: true for 5 s less 1 %, 2 ms and what has passed: true
	// <nil>
	// <nil> true
	// <nil>
	// context canceled
}

// Give the lock's context to what is done under it: it ends with the lock.
func ExampleLock_Context() {
	locker, end := startLocker()
	defer end()
	lock, err := locker.TryLock(context.Background(), "report", redlock.MaxHold(50*time.Millisecond), redlock.AutoRenew(true))
	if err != nil {
		log.Fatal(err)
	}
	select {
	case <-time.After(time.Minute): // the work
	case <-lock.Context().Done():
		fmt.Println(errors.Is(context.Cause(lock.Context()), redlock.ErrHeldTooLong))
	}
	// Output: true
}

// Two accounts at once: both locks, or none.
func ExampleLocks() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	locks, err := locker.LockAll(ctx, []string{"account:9", "account:4"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = locker.TryLockAll(ctx, []string{"account:4", "account:5"})
	fmt.Println("account 4 is taken:", errors.Is(err, redlock.ErrNotAcquired))

	fmt.Println(locks.Names(), locks.Fence("account:9") == locks.Lock("account:9").Fence())
	fmt.Println(locks.Valid(), locks.Remaining() > 9*time.Second, locks.Context().Err())
	fmt.Println(locks.Extend(ctx), locks.Unlock(ctx))
	// Output:
	// account 4 is taken: true
	// [account:4 account:9] true
	// true true <nil>
	// <nil> <nil>
}

// At most two exports at once. LockSlot waits for a slot, and DoSlot also gives it back.
func ExampleLocker_DoSlot() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	other, err := locker.LockSlot(ctx, "export", 2)
	if err != nil {
		log.Fatal(err)
	}
	err = locker.DoSlot(ctx, "export", 2, func(context.Context, *redlock.Lock) error {
		_, err := locker.TrySlot(ctx, "export", 2)
		fmt.Println("a third:", errors.Is(err, redlock.ErrNotAcquired))
		return nil
	})
	fmt.Println(err, other.Unlock(ctx))
	// Output:
	// a third: true
	// <nil> <nil>
}

// LockSlot waits until one of the slots is free.
func ExampleLocker_LockSlot() {
	locker, end := startLocker()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	for range 3 {
		_, err := locker.LockSlot(ctx, "export", 2)
		fmt.Println(err == nil, errors.Is(err, context.DeadlineExceeded))
	}
	// Output:
	// true false
	// true false
	// false true
}

// All or none: the second one would need account 4.
func ExampleLocker_TryLockAll() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	for _, names := range [][]string{{"account:9", "account:4"}, {"account:4", "account:5"}} {
		locks, err := locker.TryLockAll(ctx, names)
		if errors.Is(err, redlock.ErrNotAcquired) {
			fmt.Println("one of", names, "is taken, so none is")
			continue
		}
		fmt.Println(locks.Names())
	}
	// Output:
	// [account:4 account:9]
	// one of [account:4 account:5] is taken, so none is
}

// LockAll waits for all of them.
func ExampleLocker_LockAll() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	locks, err := locker.LockAll(ctx, []string{"account:9", "account:4"})
	if err != nil {
		log.Fatal(err)
	}
	defer locks.Unlock(ctx)
	fmt.Println(locks.Names())
	// Output: [account:4 account:9]
}

// Lock waits until the name is free, or until its context ends.
func ExampleLocker_Lock() {
	locker, end := startLocker()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	lock, err := locker.Lock(context.Background(), "report")
	if err != nil {
		log.Fatal(err)
	}
	_, err = locker.Lock(ctx, "report")
	fmt.Println("waited in vain:", errors.Is(err, context.DeadlineExceeded), "since somebody has it:", errors.Is(err, redlock.ErrNotAcquired))
	fmt.Println(lock.Unlock(context.Background()))
	// Output:
	// waited in vain: true since somebody has it: true
	// <nil>
}

// The leader is told by its owner and by the term, which is the fencing token.
func ExampleLocker_Leader() {
	locker, end := startLocker(redlock.WithOwner("web-1"))
	defer end()
	ctx := context.Background()
	owner, term, err := locker.Leader(ctx, "scheduler")
	fmt.Printf("%q %d %v\n", owner, term, err)
	err = locker.Lead(ctx, "scheduler", func(ctx context.Context, lock *redlock.Lock) error {
		owner, term, err := locker.Leader(ctx, "scheduler")
		fmt.Println(owner, term == lock.Fence(), err)
		return nil
	})
	fmt.Println(err)
	// Output:
	// "" 0 <nil>
	// web-1 true <nil>
	// <nil>
}

// An operator takes a lock away from a holder that is gone, by its token.
func ExampleLocker_Break() {
	locker, end := startLocker()
	defer end()
	ctx := context.Background()
	if _, err := locker.TryLock(ctx, "report"); err != nil {
		log.Fatal(err)
	}
	holding, err := locker.Inspect(ctx, "report")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("held:", holding.Held())
	fmt.Println(locker.Break(ctx, "report", holding.Token))
	fmt.Println(errors.Is(locker.Break(ctx, "report", holding.Token), redlock.ErrLost), "there was no such lock any more")
	// Output:
	// held: true
	// <nil>
	// true there was no such lock any more
}

// Shutdown lets functions in Do end, as a server's lets requests.
func ExampleLocker_Shutdown() {
	locker, end := startLocker()
	defer end()
	working, done := make(chan struct{}), make(chan error)
	go func() {
		done <- locker.Do(context.Background(), "report", func(ctx context.Context, _ *redlock.Lock) error {
			close(working)
			<-ctx.Done() // stop at the next good moment
			fmt.Println("stopped:", context.Cause(ctx))
			return nil
		})
	}()
	<-working
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(locker.Shutdown(ctx), <-done)
	// Output:
	// stopped: redlock: locker closed
	// <nil> <nil>
}

// What the locker knows of its servers, for a health check.
func ExampleLocker_Voters() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	locker, err := redlock.New(nodes.Clients())
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	nodes.Node(2).Crash()
	if _, err := locker.TryLock(context.Background(), "report"); err != nil {
		log.Fatal(err)
	}
	usable := 0
	for _, v := range locker.Voters() {
		if v.Usable() {
			usable++
		}
	}
	fmt.Println("at least two:", usable >= 2)
	// Output: at least two: true
}

// Servers by their URLs. With Lazy, a program starts before its servers do.
func ExampleDial() {
	locker, err := redlock.Dial(context.Background(), []string{"redis://10.0.0.1:6379", "redis://10.0.0.2:6379", "redis://10.0.0.3:6379"},
		redlock.Lazy(),
		redlock.WithTTL(30*time.Second),
		redlock.WithMaxTTL(time.Minute),
		redlock.WithNodeTimeout(100*time.Millisecond),
		redlock.WithMaxClockError(200*time.Millisecond),
		redlock.WithDriftFactor(0.02),
		redlock.WithFenceLife(48*time.Hour),
	)
	fmt.Println(err)
	fmt.Println(locker.Close())
	// Output:
	// <nil>
	// <nil>
}

// A program that had better not start than run without what it counts on.
func ExampleRequireAll() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	nowhere := []string{"redis://127.0.0.1:1", "redis://127.0.0.1:2", "redis://127.0.0.1:3"}
	_, err := redlock.Dial(ctx, nowhere, redlock.RequireAll(), redlock.RequireGuards(), redlock.WithDurableNodes())
	fmt.Println(errors.Is(err, redlock.ErrNoQuorum))
	// Output: true
}

// Plain Redlock, byte for byte, for comparison: no fencing tokens, and no guards.
func ExampleWithoutGuards() {
	locker, end := startLocker(redlock.WithoutGuards(), redlock.WithoutFencing())
	defer end()
	lock, err := locker.TryLock(context.Background(), "report")
	fmt.Println(lock.Fence(), err)
	// Output: 0 <nil>
}

// The rights of a user that locks names with a prefix, as redis-cli takes them.
func ExampleACLRule() {
	rule := redlock.ACLRule("locker", "jobs:", "7.0.15") // the server's version
	fmt.Println(strings.HasPrefix(rule, "ACL SETUSER locker ~jobs:* "), strings.Contains(rule, " +evalsha "), strings.Contains(rule, "allkeys"))
	// Output: true true false
}

// Why an attempt failed, voter by voter.
func ExampleQuorumError() {
	locker, end := startLocker(redlock.WithOwner("web-1"))
	defer end()
	ctx := context.Background()
	if _, err := locker.TryLock(ctx, "report"); err != nil {
		log.Fatal(err)
	}
	_, err := locker.TryLock(ctx, "report")
	if refused, is := errors.AsType[*redlock.QuorumError](err); is {
		fmt.Println("granted by", refused.Granted(), "since it's held by", refused.Owner())
	}
	// Output: granted by 0 since it's held by web-1
}

// What a hook hears, as metrics count it.
func ExampleEvent() {
	locker, end := startLocker(redlock.WithHooks(redlock.Hooks{
		Done: func(_ context.Context, e redlock.Event) { fmt.Println(e.Kind, e.Result()) },
	}))
	defer end()
	ctx := context.Background()
	for range 2 {
		_, _ = locker.TryLock(ctx, "report")
	}
	// Output:
	// acquire ok
	// acquire held
}

// Anybody may hold it or nobody, and nothing says that it's still so a moment later.
func ExampleHolding() {
	locker, end := startLocker()
	defer end()
	holding, err := locker.Inspect(context.Background(), "report")
	fmt.Println(holding.Held(), err)
	// Output: false <nil>
}

// A health check asks how many servers are of use.
func ExampleVoterState() {
	locker, end := startLocker()
	defer end()
	if _, err := locker.TryLock(context.Background(), "report"); err != nil {
		log.Fatal(err)
	}
	usable := 0
	for _, v := range locker.Voters() {
		if v.Usable() {
			usable++
		}
	}
	fmt.Println("a majority:", usable >= 2)
	// Output: a majority: true
}
