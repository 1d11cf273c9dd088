package redlocktest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// A lock's key survives a restart only if the server kept its memory.
func Example() {
	q, err := redlocktest.Start(3)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	ctx := context.Background()
	locks := func() (n int) {
		for _, c := range q.Clients() {
			n += int(c.Exists(ctx, "job").Val())
		}
		return n
	}
	for _, c := range q.Clients() {
		c.SetNX(ctx, "job", "token", 10*time.Second)
	}
	fmt.Println("nodes that hold the lock:", locks())

	q.Node(0).Restart(false)
	q.Node(1).Restart(true)
	fmt.Println("after two restarts:", locks())

	q.Node(2).Jump(time.Minute)
	fmt.Println("after a jump of the clock:", locks())
	// Output:
	// nodes that hold the lock: 3
	// after two restarts: 2
	// after a jump of the clock: 1
}

// The reply to a command is lost: the client can't tell whether it was executed.
func ExampleLink_DropReplies() {
	q, err := redlocktest.Start(1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	q.Member("").Link(0).DropReplies(1)
	err = q.Clients()[0].SetNX(context.Background(), "job", "token", time.Minute).Err()
	fmt.Println("error:", err != nil)
	token, ok := q.Node(0).Get("job")
	fmt.Println("executed:", ok, token)
	// Output:
	// error: true
	// executed: true token
}

// Two client machines, of which only one is cut off.
func ExampleQuorum_Member() {
	q, err := redlocktest.Start(1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	alice, bob := q.Member("alice"), q.Member("bob")
	alice.Link(0).Cut()
	ping := func(c redis.UniversalClient) bool {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		return c.Ping(ctx).Err() == nil
	}
	fmt.Println(ping(alice.Clients()[0]), ping(bob.Clients()[0]))
	alice.Link(0).Heal()
	fmt.Println(ping(alice.Clients()[0]), ping(bob.Clients()[0]))
	// Output:
	// false true
	// true true
}
