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

// term waits until this member is elected and then calls lead, whose context ends when somebody
// else may lead. A member that wants to lead again calls it again.
func term(ctx context.Context, member *redlock.Locker, lead func(context.Context)) error {
	return member.Do(ctx, "leader", func(ctx context.Context, _ *redlock.Lock) error {
		lead(ctx)
		return nil
	})
}

// One term of office, made of Do. [redlock.Locker.Lead] is the same, and stands again whenever the office is lost. Do renews the lock as long as the leader leads; a leader that is cut off
// steps down before another can be elected.
func Example_leaderElection() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	member := func(name string) *redlock.Locker {
		// The TTL is how long nobody leads when a leader vanishes.
		l, err := redlock.New(nodes.Member(name).Clients(), redlock.WithTTL(500*time.Millisecond), redlock.WithNodeTimeout(100*time.Millisecond))
		if err != nil {
			log.Fatal(err)
		}
		return l
	}
	a, b := member("a"), member("b")
	defer a.Close()
	defer b.Close()

	ctx := context.Background()
	err = term(ctx, a, func(ctx context.Context) {
		fmt.Println("a leads")
		for i := range nodes.Len() {
			nodes.Member("a").Link(i).Cut() // a's network goes down
		}
		<-ctx.Done()
		fmt.Println("a steps down")
	})
	fmt.Println("lost:", errors.Is(err, redlock.ErrLost))

	err = term(ctx, b, func(context.Context) { fmt.Println("b leads") })
	fmt.Println(err)
	// Output:
	// a leads
	// a steps down
	// lost: true
	// b leads
	// <nil>
}
