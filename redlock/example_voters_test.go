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

// New servers vote at once when somebody says that no lock is held on them.
func ExampleLocker_Form() {
	q, err := redlocktest.Start(3, redlocktest.WithFreshNodes())
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	locker, err := redlock.New(q.Clients())
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	fmt.Println(locker.Form(context.Background()))
	lock, err := locker.TryLock(context.Background(), "report")
	fmt.Println(err)
	fmt.Println(lock.Unlock(context.Background()))
	// Output:
	// <nil>
	// <nil>
	// <nil>
}

// The third of three servers has died. A fourth takes its place.
func ExampleLocker_Change() {
	q, err := redlocktest.Start(4)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	ctx := context.Background()
	nodes := q.Clients()
	open := func(names []string, opts ...redlock.Option) *redlock.Locker {
		opts = append(opts, redlock.WithTTL(time.Second), redlock.WithNodeTimeout(200*time.Millisecond), redlock.WithGroup("orders"), redlock.WithVoterNames(names...))
		locker, err := redlock.New(nodes[:3], opts...)
		if err != nil {
			log.Fatal(err)
		}
		return locker
	}
	old := open([]string{"a", "b", "c"})
	defer old.Close()
	fmt.Println(old.Form(ctx))
	q.Node(2).Crash()

	// All programs are started with both lists.
	both := open([]string{"a", "b", "c", "a", "b", "d"}, redlock.JoiningNodes(nodes[0], nodes[1], nodes[3]))
	defer both.Close()
	// It may be that one of them wasn't: it will be refused.
	fmt.Println(both.Change(ctx, redlock.GoneForGood("c"), redlock.EvenIfUnprepared()))
	_, err = old.TryLock(ctx, "report")
	fmt.Println(errors.Is(err, redlock.ErrMembership))

	members, err := both.Memberships(ctx)
	for _, m := range members {
		fmt.Println(m.Node, m.Voters, m.Err != nil)
	}
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// true
	// a [a b d] false
	// b [a b d] false
	// c [] true
	// d [a b d] false
	// <nil>
}

// With URLs: the new list has a server of its own in the place of the last.
func ExampleJoining() {
	locker, err := redlock.Dial(context.Background(),
		[]string{"redis://10.0.0.1:6379", "redis://10.0.0.2:6379", "redis://10.0.0.3:6379"},
		redlock.Joining("redis://10.0.0.1:6379", "redis://10.0.0.2:6379", "redis://10.0.0.4:6379"),
		redlock.Lazy())
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	fmt.Println(len(locker.Voters()), "servers; two of the first list and two of the second make a majority")
	// Output: 4 servers; two of the first list and two of the second make a majority
}
