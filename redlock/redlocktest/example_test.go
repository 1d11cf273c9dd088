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

// What can be done to a server, and what it tells.
func ExampleNode() {
	q, err := redlocktest.Start(1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	ctx := context.Background()
	node, client := q.Node(0), q.Clients()[0]
	fmt.Println(node.Addr(), node.URL())
	client.Ping(ctx) // it connects

	node.OnCommand(func(c redlocktest.Command) { fmt.Println("it gets", c.Name, c.Args) })
	client.Get(ctx, "greeting")
	node.OnCommand(nil)

	node.Set("greeting", "hello", 10*time.Second)
	value, is := node.Get("greeting")
	left, _ := node.PTTL("greeting")
	fmt.Println(value, is, left > 9*time.Second, node.Keys(), node.Commands() > 0)

	client.HSet(ctx, "profile", "name", "ada")
	fmt.Println(node.HGet("profile", "name"))

	node.SetRate(1.5) // its clock runs half as fast again
	node.SetRate(1)
	before := node.Now()
	node.Jump(time.Hour)
	fmt.Println("jumped:", node.Now().Sub(before) >= time.Hour)
	_, is = node.Get("greeting")
	fmt.Println("still there:", is)

	node.Pause() // as SIGSTOP does
	node.Resume()
	id := node.RunID()
	node.Crash() // as SIGKILL does
	fmt.Println("running:", node.Running())
	node.Restart(true) // with all that it knew
	fmt.Println("running:", node.Running(), "as another:", node.RunID() != id)
	node.Flush()
	fmt.Println(node.Keys())
	// Output:
	// 192.0.2.1:6379 redis://192.0.2.1:6379
	// it gets GET [greeting]
	// hello true true [greeting] true
	// ada true
	// jumped: true
	// still there: false
	// running: false
	// running: true as another: true
	// []
}

// Other processes reach a node by TCP.
func ExampleNode_Listen() {
	q, err := redlocktest.Start(1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	addr, err := q.Node(0).Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(q.Node(0).URL() == "redis://"+addr.String())
	// Output: true
}

// What can happen to messages between one client machine and one server.
func ExampleLink() {
	q, err := redlocktest.Start(1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	client, link := q.Clients()[0], q.Member("").Link(0)
	set := func(value string) bool {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		return client.Set(ctx, "key", value, 0).Err() == nil
	}
	server := func() string { value, _ := q.Node(0).Get("key"); return value }
	fmt.Println("at first:", set("a"), server())

	link.DropRequests(1)
	fmt.Println("request lost:", set("b"), server())
	link.DropReplies(1)
	fmt.Println("reply lost:", set("c"), server())

	link.HoldRequests()
	fmt.Println("request on its way:", set("d"), server())
	requests, _ := link.Held()
	fmt.Println("held:", requests > 0)
	link.Reset() // it's lost for good
	link.Release()
	link.HoldReplies()
	fmt.Println("reply on its way:", set("e"), server())
	link.Release()

	link.Cut() // also CutRequests and CutReplies, for one direction
	fmt.Println("cut:", set("f"), server())
	link.Reset()
	link.Heal()
	link.CutRequests()
	link.CutReplies()
	link.Heal()

	link.Delay(5*time.Millisecond, 5*time.Millisecond)
	begun := time.Now()
	fmt.Println("slow:", set("g"), server(), time.Since(begun) >= 10*time.Millisecond)
	// Output:
	// at first: true a
	// request lost: false a
	// reply lost: false c
	// request on its way: false c
	// held: true
	// reply on its way: false e
	// cut: false e
	// slow: true g true
}

// A child process gets an address of its own, and so a link that can be cut alone.
func ExampleLink_Listen() {
	q, err := redlocktest.Start(1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	addr, err := q.Member("child").Link(0).Listen("127.0.0.1:0")
	fmt.Println(addr.Network(), err)
	// Output: tcp <nil>
}

// A client machine has its own links and its own clock.
func ExampleMember() {
	q, err := redlocktest.Start(3)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	alice := q.Member("alice")
	alice.Partition(0, 1) // alice is cut off from two of three
	reached := 0
	for _, c := range alice.Clients() {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		if c.Ping(ctx).Err() == nil {
			reached++
		}
		cancel()
	}
	fmt.Println(alice.Name(), "reaches", reached)
	alice.Link(0).Heal()

	own := alice.Client(2, func(o *redis.Options) { o.PoolSize = 50 }) // for go-redis's options
	fmt.Println(own.Ping(context.Background()).Err())
	before := alice.Clock().Now()
	fmt.Println(alice.Clock().Now() >= before)
	// Output:
	// alice reaches 1
	// <nil>
	// true
}

// The lid is closed for a minute: the clock is ahead at once, and no timer has noticed.
func ExampleClock() {
	q, err := redlocktest.Start(1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	clock := q.Clock() // a locker gets it by redlock.WithClock
	before := clock.Now()
	clock.Suspend(time.Minute)
	fmt.Println(clock.Now()-before >= time.Minute)
	// Output: true
}

// Five servers with latency, repeatable by the seed, that were never used before.
func ExampleQuorum() {
	q, err := redlocktest.Start(5, redlocktest.WithSeed(4711), redlocktest.WithLatency(time.Millisecond, 2*time.Millisecond), redlocktest.WithFreshNodes())
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	for _, n := range q.Nodes()[:3] {
		n.Set("job", "token", time.Minute)
	}
	token, held := q.Holder("job")
	fmt.Println(q.Len(), "servers, and a majority has", token, held)

	q.Partition(3, 4) // cut off from everybody
	q.HealAll()
	fmt.Println(q.Clients()[4].Ping(context.Background()).Val(), q.Node(0).Running(), q.Clock().Now() > 0)
	// Output:
	// 5 servers, and a majority has token true
	// PONG true true
}
