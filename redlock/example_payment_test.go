package redlock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/fence"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// ledger is the resource. It refuses whoever has lost the lock, which a lock can't do by itself.
// For a ledger in a database the guard is a fence.SQL, in the transaction that writes.
type ledger struct {
	guard *fence.Memory
	paid  map[string]bool
}

// charge charges an order once: paid says whether it was done, the token whose turn it is.
func (l *ledger) charge(ctx context.Context, order string, token int64) error {
	return l.guard.Do(ctx, order, token, func(context.Context) error {
		if !l.paid[order] {
			l.paid[order] = true
			fmt.Println("charged", order)
		}
		return nil
	})
}

// A payment that must not be charged twice, not even by a process that stands still between
// its last look at the lock and its write.
func Example_payment() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	locker, err := redlock.New(nodes.Clients(), redlock.WithClock(nodes.Clock()))
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	ctx := context.Background()
	books := &ledger{guard: fence.NewMemory(), paid: make(map[string]bool)}

	first, err := locker.TryLock(ctx, "order:42")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("first may go on:", first.Valid())

	// Here the first worker's machine is suspended for a minute. Its lock expires.
	nodes.Clock().Suspend(time.Minute)
	for _, n := range nodes.Nodes() {
		n.Jump(time.Minute)
	}

	second, err := locker.TryLock(ctx, "order:42")
	if err != nil {
		log.Fatal(err)
	}
	if err := books.charge(ctx, "order:42", second.Fence()); err != nil {
		log.Fatal(err)
	}

	// The first worker wakes up and goes on where it was: after the check.
	err = books.charge(ctx, "order:42", first.Fence())
	fmt.Println("first is refused:", errors.Is(err, fence.ErrStale))
	// Output:
	// first may go on: true
	// charged order:42
	// first is refused: true
}
