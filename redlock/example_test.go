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

// The four verbs: take, extend, check, release.
func Example() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()

	// Or: redlock.Dial(ctx, []string{"redis://a:6379", "redis://b:6379", "redis://c:6379"})
	locker, err := redlock.New(nodes.Clients())
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()

	ctx := context.Background()
	lock, err := locker.TryLock(ctx, "report")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("extended:", lock.Extend(ctx) == nil)
	fmt.Println("valid:", lock.Valid())
	fmt.Println("released:", lock.Unlock(ctx) == nil)
	fmt.Println("valid:", lock.Valid())
	// Output:
	// extended: true
	// valid: true
	// released: true
	// valid: false
}

// Do waits for the lock, renews it while the function runs, and releases it.
func ExampleLocker_Do() {
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

	err = locker.Do(context.Background(), "report", func(ctx context.Context, lock *redlock.Lock) error {
		// The context ends when the lock is lost: pass it to everything that is done here.
		fmt.Println("working:", ctx.Err() == nil)
		return nil
	})
	fmt.Println("error:", err)
	// Output:
	// working: true
	// error: <nil>
}

// An attempt that fails says why, for every voter.
func ExampleLocker_TryLock() {
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

	nodes.Node(2).Pause() // a majority is enough
	ctx := context.Background()
	if _, err := locker.TryLock(ctx, "report"); err != nil {
		log.Fatal(err)
	}

	_, err = locker.TryLock(ctx, "report")
	switch {
	case errors.Is(err, redlock.ErrNotAcquired):
		fmt.Println("somebody else has it")
	case errors.Is(err, redlock.ErrNoQuorum):
		fmt.Println("too few voters answered: nobody can tell, so don't go on")
	}
	var quorum *redlock.QuorumError
	if errors.As(err, &quorum) {
		for _, node := range quorum.Nodes {
			fmt.Println(node.Node, node.Outcome)
		}
	}
	nodes.Node(2).Resume()
	// Output:
	// somebody else has it
	// 192.0.2.1:6379 held
	// 192.0.2.2:6379 held
	// 192.0.2.3:6379 not awaited
}

// Hooks feed metrics, logs and traces.
func ExampleWithHooks() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	lost := make(chan struct{})
	locker, err := redlock.New(nodes.Clients(), redlock.WithHooks(redlock.Hooks{
		Start: func(ctx context.Context, op redlock.Op) context.Context {
			fmt.Printf("%s %s begins\n", op.Kind, op.Name)
			return ctx // with a span in it, say
		},
		Done: func(_ context.Context, e redlock.Event) {
			fmt.Printf("%s %s: round trips %d, error %v\n", e.Kind, e.Name, e.Rounds, e.Err)
		},
		Lost: func(e redlock.Event) {
			fmt.Printf("%s is lost: %v\n", e.Name, errors.Is(e.Err, redlock.ErrHeldTooLong))
			close(lost)
		},
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()

	ctx := context.Background()
	lock, err := locker.TryLock(ctx, "report")
	if err != nil {
		log.Fatal(err)
	}
	if err := lock.Unlock(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := locker.TryLock(ctx, "bill", redlock.MaxHold(time.Millisecond)); err != nil {
		log.Fatal(err)
	}
	<-lost
	// Output:
	// acquire report begins
	// acquire report: round trips 1, error <nil>
	// release report begins
	// release report: round trips 1, error <nil>
	// acquire bill begins
	// acquire bill: round trips 1, error <nil>
	// bill is lost: true
}

// Who holds it? Owners say what they are called, and errors and Inspect tell it.
func ExampleLocker_Inspect() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	locker, err := redlock.New(nodes.Clients(), redlock.WithOwner("web-1"))
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()

	ctx := context.Background()
	lock, err := locker.TryLock(ctx, "report", redlock.Owner("request 4711 on web-1"))
	if err != nil {
		log.Fatal(err)
	}
	holding, err := locker.Inspect(ctx, "report")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s is held by %q: %v\n", holding.Name, holding.Owner, holding.Fence == lock.Fence())

	_, err = locker.TryLock(ctx, "report")
	var refused *redlock.QuorumError
	if errors.As(err, &refused) {
		fmt.Printf("refused, since %q has it\n", refused.Owner())
	}
	// Output:
	// report is held by "request 4711 on web-1": true
	// refused, since "request 4711 on web-1" has it
}
