package quorum_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// Two of three decide. What comes later changes nothing.
func ExampleTally() {
	fmt.Println("needed:", quorum.Majority(3))
	tally := quorum.NewTally(3)
	fmt.Println(tally.Cast(0, quorum.Yes), "still to come:", tally.Open())
	fmt.Println(tally.Cast(1, quorum.Unknown))
	fmt.Println(tally.Cast(2, quorum.Yes))
	fmt.Println(tally.Result(), "still to come:", tally.Open())
	// Output:
	// needed: 2
	// pending still to come: 2
	// pending
	// won
	// won still to come: 0
}

// answerer is the way to a voter that always says the same.
type answerer struct {
	reply string
	err   error
}

func (a answerer) Exchange(_ context.Context, requests []string, answers []quorum.Answer[string]) {
	for i := range requests {
		answers[i].Reply, answers[i].Err = a.reply, a.err
	}
}

// A question to three voters, of which one is down.
func ExampleGroup() {
	group := quorum.NewGroup([][]quorum.Transport[string, string]{
		{answerer{reply: "yes"}},
		{answerer{reply: "yes"}},
		{answerer{err: errors.New("connection refused")}},
	}, quorum.Config{})
	defer group.Close(context.Background()) // it waits for the workers
	fmt.Println("voters:", group.Voters())

	ballot := group.Start(quorum.Poll[string, string]{
		Request: "may I?",
		Timeout: time.Second,
		Seen: func(_ int, a quorum.Answer[string]) quorum.Reaction {
			if a.Reply == "yes" {
				return quorum.Reaction{Vote: quorum.Yes}
			}
			return quorum.Reaction{Vote: quorum.No}
		},
	})
	fmt.Println(ballot.Wait(context.Background()).Result)
	// Output:
	// voters: 3
	// won
}

// What was taken back before it was sent is never sent, and its answer says so.
func ExampleBallot() {
	busy := make(chan struct{})
	group := quorum.NewGroup([][]quorum.Transport[string, string]{{blocked{busy}}}, quorum.Config{})
	first := group.Start(quorum.Poll[string, string]{Request: "first", Timeout: time.Minute})
	<-busy // it's under way, and so the second one waits
	second := group.Start(quorum.Poll[string, string]{Request: "second", Timeout: time.Minute})
	second.Withdraw()
	outcome := second.Wait(context.Background())
	fmt.Println(outcome.Answers[0].Err, outcome.Answers[0].Unsent())
	busy <- struct{}{}
	fmt.Println(first.Wait(context.Background()).Answers[0].Unsent(), !second.Begun().Before(first.Begun()))
	group.Close(context.Background())
	// Output:
	// quorum: given up before it was sent true
	// false true
}

// blocked says when an exchange begins, and ends it when it's told to.
type blocked struct{ busy chan struct{} }

func (b blocked) Exchange(context.Context, []string, []quorum.Answer[string]) {
	b.busy <- struct{}{}
	<-b.busy
}

// An answer tells whether its request can have been carried out.
func ExampleAnswer() {
	a := quorum.Answer[string]{Err: quorum.ErrQueueFull}
	fmt.Println(a.Unsent())
	a = quorum.Answer[string]{Err: context.DeadlineExceeded, Sent: 1}
	fmt.Println(a.Unsent())
	// Output:
	// true
	// false
}

// A, B, C are to become A, B, D. What's decided meanwhile needs a majority of either list.
func ExampleElectorate() {
	const a, b, c, d = 0, 1, 2, 3
	e := quorum.Joint([]int{a, b, c}, []int{a, b, d})
	fmt.Println("before:", quorum.All(3).Sets())
	fmt.Println("voters:", e.Voters(), "sets:", e.Sets())
	say := func(voters ...int) func(int) bool {
		return func(voter int) bool { return slices.Contains(voters, voter) }
	}
	fmt.Println(e.Majority(say(a, b)), e.Majority(say(a, c)), e.Majority(say(a, c, d)))
	fmt.Println("a majority of some list:", e.Some(say(a, c)))
	fmt.Println("nothing goes without A and D:", e.Blocked(say(a, d)))

	tally := quorum.NewJointTally(e)
	fmt.Println(tally.Cast(a, quorum.Yes), tally.Cast(c, quorum.Yes), tally.Cast(d, quorum.Yes))
	// Output:
	// before: [[0 1 2]]
	// voters: 4 sets: [[0 1 2] [0 1 3]]
	// true false true
	// a majority of some list: true
	// nothing goes without A and D: true
	// pending pending won
}
