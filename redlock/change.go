package redlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// opChange is what a [QuorumError] of [Locker.Change] calls it.
const opChange = "change"

// ErrUnsafe means that a change of the voters isn't safe yet, or not as it was asked for. Nothing has been changed. The error says why, and
// what to do.
var ErrUnsafe = errors.New("redlock: the change isn't safe yet")

// ChangeOption configures [Locker.Change].
type ChangeOption func(*changeOptions)

type changeOptions struct {
	gone     []string
	outvoted bool
}

// GoneForGood names servers that won't ever answer again, by address or [WithVoterNames]: a change doesn't wait for them. They must not come back
// with the data that they had. A server that's only down isn't gone: start it, or wait.
func GoneForGood(nodes ...string) ChangeOption {
	return func(o *changeOptions) { o.gone = append(o.gone, nodes...) }
}

// EvenIfUnprepared changes the set also where lockers are at work that have the present list alone. They get [ErrMembership] from then on,
// and lose their locks, until they're started with another list.
func EvenIfUnprepared() ChangeOption { return func(o *changeOptions) { o.outvoted = true } }

// Change makes the voters vote for the set that this locker joins, instead of its own; see [Joining]. Lockers with the old list alone are refused
// from then on; lockers that join both go on as before; and those with the new list alone are served at the end. It returns then, after
// MaxTTL or the longest TTL in use, whichever is longer. It may be broken off at any moment and called again, by any process. A locker with
// the lists the other way round takes a change back, the same way.
//
// It returns an error that matches [ErrUnsafe], and changes nothing, where lockers were served lately that have the old list alone, where
// more servers are [GoneForGood] than a majority can do without, and where one that's said to be gone answers. It returns a [*QuorumError] that matches [ErrNoQuorum] where a
// server of either list doesn't answer and isn't said to be gone, and one that matches [ErrMembership] where a server votes for a
// set that's neither. Until a change is complete, calling it again is safe.
func (l *Locker) Change(ctx context.Context, opts ...ChangeOption) error {
	var o changeOptions
	for _, opt := range opts {
		if opt == nil {
			return errNilOption
		}
		opt(&o)
	}
	switch {
	case l.guard == nil:
		return errNoSets("Change")
	case len(l.members.config) < 2:
		return fmt.Errorf("%w: nothing to change, since the locker's only list of voters is %v; give the new one with Joining", ErrInvalidOption, l.members.config[0].Set)
	}
	gone, err := l.gone(o.gone)
	if err != nil {
		return err
	}
	if !l.busy.begin(l.draining) {
		return ErrClosed
	}
	defer l.busy.running.Done()
	c := change{locker: l, gone: gone, unprepared: o.outvoted}
	return c.run(ctx)
}

// gone finds the voters that are said to be gone.
func (l *Locker) gone(nodes []string) ([]bool, error) {
	gone := make([]bool, len(l.nodes))
	for _, node := range nodes {
		at := slices.IndexFunc(l.nodes, func(n string) bool { return n == node || canonical(n) == canonical(node) })
		if at < 0 {
			return nil, fmt.Errorf("%w: %s is said to be gone, and is none of the voters %s", ErrInvalidOption, node, strings.Join(l.nodes, ", "))
		}
		gone[at] = true
	}
	stays := func(voter int) bool { return !gone[voter] && l.voters[voter].guarded() }
	if !l.electorate().Majority(stays) {
		return nil, fmt.Errorf("%w: without those that are gone there's no majority of both lists, so nobody can tell which locks are held; if none is, set up all servers of the new list anew, and use Form", ErrUnsafe)
	}
	return gone, nil
}

// change is a change under way.
type change struct {
	locker     *Locker
	gone       []bool
	unprepared bool // lockers that aren't prepared don't count
}

// asked reports whether a voter has to confirm each step.
func (c *change) asked(voter int) bool {
	return !c.gone[voter] && c.locker.voters[voter].guarded()
}

// run takes the steps that [member.Change] says.
func (c *change) run(ctx context.Context) error {
	l := c.locker
	steps := member.Change{From: l.members.config[0].Set, To: l.members.config[1].Set, Asked: make([]bool, len(l.voters))}
	for voter := range l.voters {
		steps.Asked[voter] = c.asked(voter)
	}
	for first := true; ; first = false {
		heard, err := c.hear(ctx)
		if err != nil {
			return err
		}
		views, numbers := c.views(heard)
		step, decision := steps.Next(views, numbers)
		switch step {
		case member.Complete:
			return nil
		case member.Unformed:
			return fmt.Errorf("%w: no voter knows yet for which set it votes; let a locker with the old list take a lock first, or begin with the new list at once: Form", ErrUnsafe)
		case member.Inform:
			if err := c.prepared(heard, views, decision); err != nil {
				return err
			}
			if !first {
				if err := c.pause(ctx); err != nil {
					return err
				}
			}
			c.tell(ctx, decision, views, numbers)
		case member.Wait:
			if err := c.await(ctx, heard, &steps); err != nil {
				return err
			}
		}
	}
}

// hear asks all voters for which set they vote. All but those that are gone have to answer.
func (c *change) hear(ctx context.Context) (quorum.Outcome[reply], error) {
	l := c.locker
	heard := l.look(ctx, l.longestLook(), nil)
	e := &QuorumError{Op: opChange, Needed: len(l.nodes), Nodes: l.results(l.judge(opLook, heard, false)), Reason: ErrNoQuorum, cause: ctx.Err()}
	views, _ := c.views(heard)
	foreign := l.members.config.Foreign(views)
	missing, halfway := false, false
	for voter, r := range e.Nodes {
		answered := r.Outcome == Granted
		switch {
		case c.gone[voter] && answered:
			return heard, fmt.Errorf("%w: %s is said to be gone, and answers; leave it out of those that are gone, or stop it for good", ErrUnsafe, r.Node)
		case c.gone[voter]:
			e.Needed--
		case !l.voters[voter].guarded():
			e.Needed--
		case !answered:
			missing = true
		case heard.Answers[voter].Reply.marker.Number == 0:
			missing = true
		default:
			if k := views[voter].Known; foreign[voter] {
				e.Nodes[voter].Outcome, e.Nodes[voter].Err = WrongQuorum, votesFor(k)
				e.Reason, missing = ErrMembership, true
				halfway = halfway || k.Changing()
			}
		}
	}
	switch {
	case !missing:
		return heard, nil
	case halfway:
		e.advice = "voters are being changed from a list that is none of these two; complete that change first, or take it back, and have a locker with its new list take a lock, so that all of its voters hear of it"
	case e.Reason == ErrMembership:
		e.advice = fmt.Sprintf("the old list is %v and the new one %v; give the list that the servers vote for as the old one", l.members.config[0].Set, l.members.config[1].Set)
	default:
		e.advice = "all voters of both lists have to take part; start those that don't answer, or say which of them are gone for good"
	}
	return heard, e
}

func (c *change) views(heard quorum.Outcome[reply]) (views []member.View, numbers []int64) {
	views, numbers = make([]member.View, len(c.gone)), make([]int64, len(c.gone))
	for voter, a := range heard.Answers {
		if m := a.Reply.marker; a.Heard && a.Err == nil && m != nil && c.asked(voter) {
			views[voter], numbers[voter] = member.View{Heard: true, Known: m.Known}, m.Number
		}
	}
	return views, numbers
}

func (c *change) tell(ctx context.Context, target member.Known, views []member.View, numbers []int64) {
	var tells []member.Tell
	for voter := range views {
		if c.asked(voter) {
			tells = append(tells, member.Tell{Voter: voter, Known: target})
		}
	}
	c.locker.tell(ctx, tells, numbers, views)
}

// lately is how long ago a locker may have been served that has the old list alone, for it to count as one that's at work. Voters note it once a second.
const lately = 5 * time.Second

// prepared returns an error while lockers are at work that have the old list alone: they'd be refused.
func (c *change) prepared(heard quorum.Outcome[reply], views []member.View, target member.Known) error {
	if c.unprepared || target.From != member.Pending {
		return nil // or it's complete, and some have missed it
	}
	limit := max(lately, c.locker.options.maxTTL)
	for voter, a := range heard.Answers {
		m := a.Reply.marker
		if m == nil || !c.asked(voter) || views[voter].Known.ID == target.ID {
			continue // it has refused them ever since
		}
		if m.Served && m.ServedAgo < limit {
			return fmt.Errorf("%w: %s has served a locker with the old list alone %v ago, and it would be refused; start all of them with Joining first, and wait for %v", ErrUnsafe, c.locker.nodes[voter], m.ServedAgo.Round(time.Millisecond), limit)
		}
	}
	return nil
}

// await waits for the longest TTL in use, and for longer than any look takes.
func (c *change) await(ctx context.Context, heard quorum.Outcome[reply], steps *member.Change) error {
	l := c.locker
	longest := max(l.options.maxTTL, 2*l.longestLook())
	for _, a := range heard.Answers {
		if m := a.Reply.marker; m != nil {
			longest = max(longest, m.Longest)
		}
	}
	until, since := guard.Time(0), false
	for {
		now, known := l.guard.Now()
		switch {
		case known && !since:
			until, since = now.Latest.After(longest), true
			steps.Date = int64(until)
		case known && now.Earliest >= until:
			return nil
		case !known:
			l.look(ctx, l.longestLook(), func() bool { _, known := l.guard.Now(); return known })
		}
		if !sleep(ctx, min(max((until-now.Earliest).Duration(), l.options.nodeTimeout), 10*time.Second)) {
			return fmt.Errorf("redlock: the change isn't complete yet, and goes on when it's asked for again: %w", ctx.Err())
		}
	}
}

func (c *change) pause(ctx context.Context) error {
	if !sleep(ctx, c.locker.options.nodeTimeout) {
		return fmt.Errorf("redlock: the change isn't complete yet, since voters didn't confirm it; it goes on when it's asked for again: %w", ctx.Err())
	}
	return nil
}

func errNoSets(method string) error {
	return fmt.Errorf("%w: without guards nobody remembers a set of voters; leave %s out", ErrInvalidOption, method)
}

func votesFor(k member.Known) error {
	if k.Changing() {
		return fmt.Errorf("it's being changed from another list to the voters %v (generation %d)", k.Set, k.Generation)
	}
	return fmt.Errorf("it votes for the voters %v (generation %d)", k.Set, k.Generation)
}
