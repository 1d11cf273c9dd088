package redlock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/election"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// Holding is who holds a name, as the voters tell it. Nothing says that it's still so when the caller reads it.
type Holding struct {
	// Name is the name that was inspected.
	Name string
	// Token marks the acquisition that a majority of the voters names as the holder, see [Lock.Token]. It's empty
	// if there's none: then nobody holds the name.
	Token string
	// Owner is what the holder calls itself, see [WithOwner]. It's empty if it says nothing.
	Owner string
	// Fence is the holder's fencing token; 0 if a majority of the voters doesn't agree on it, and for a lock
	// without fencing.
	Fence int64
	// Remaining is for how long the holder keeps others out unless it extends or releases its lock. It's longer than
	// [Lock.Remaining] at the holder, which ends sooner to be on the safe side.
	Remaining time.Duration
	// Nodes has an entry for every voter, in the order in which they were given.
	Nodes []NodeHolding
}

// Held reports whether a majority of the voters names the same holder.
func (h Holding) Held() bool { return h.Token != "" }

// NodeHolding is what one voter tells of a name.
type NodeHolding struct {
	// Node is the voter's address.
	Node string
	// Token and Owner are those of the holder, empty if nobody holds the name there.
	Token, Owner string
	// Fence is the largest fencing token that the voter has seen under the name, whether it's held or not.
	Fence int64
	// Remaining is for how long the voter keeps others out.
	Remaining time.Duration
	// Err is why the voter's answer isn't known, or, with a Token, what's wrong with what it has.
	Err error
}

// found is what a voter has under a name: the key, and the record of scripts/record.lua.
type found struct {
	key      string // the token; empty if there's no key
	ttl      time.Duration
	endless  bool // the key has no TTL
	register int64
	token    string
	deadline guard.Time // -1 when given back
	owner    string
}

// parseFound reads the reply of inspect.lua.
func parseFound(values []any) (reply, error) {
	var numbers [4]int64
	var texts [3]string
	n, t := 0, 0
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			if n < len(numbers) {
				numbers[n] = v
			}
			n++
		case string:
			if t < len(texts) {
				texts[t] = v
			}
			t++
		}
	}
	if n != len(numbers) || t != len(texts) || len(values) != n+t {
		return reply{}, fmt.Errorf("redlock: the inspect script returned %d values; is there a proxy that doesn't support scripts?", len(values))
	}
	return reply{status: statusOK, time: guard.Time(numbers[0]), found: &found{
		key: texts[0], ttl: time.Duration(max(numbers[1], 0)) * time.Millisecond, endless: numbers[1] == noTTL,
		register: numbers[2], token: texts[1], deadline: guard.Time(numbers[3]), owner: texts[2],
	}}, nil
}

// Inspect asks the voters who holds a name, and changes nothing. It returns when all have answered, at the latest after
// the node time-out.
//
// It fails with a [*QuorumError] that matches [ErrNoQuorum] where the answers leave it open whether anybody holds the
// name. The Holding then has what was answered. For a locker with [WithoutFencing] the token and the remaining time are all
// that there is to know; one with [WithoutGuards] goes by the keys alone.
func (l *Locker) Inspect(ctx context.Context, name string) (Holding, error) {
	if _, err := l.check(ctx, opInspect, name, nil); err != nil {
		return Holding{}, err
	}
	if err := l.enter(ctx, opInspect, name); err != nil {
		return Holding{}, err
	}
	defer l.leave()
	if !l.busy.begin(l.draining) {
		return Holding{}, ErrClosed
	}
	defer l.busy.running.Done()
	o := l.inspect(ctx, name, func(quorum.Outcome[reply]) bool { return false })
	h := l.holding(name, o)
	if !l.decided(h) {
		e := l.quorumError(ctx, name, l.judge(opInspect, o, false))
		if e.Reason != ErrUnfit {
			e.Reason = ErrNoQuorum
		}
		return h, e
	}
	return h, nil
}

// inspect asks all voters what they have under a name. With a majority's answers it's over as soon as that's enough.
func (l *Locker) inspect(ctx context.Context, name string, enough func(quorum.Outcome[reply]) bool) quorum.Outcome[reply] {
	patience := l.patience(opInspect, queueKey(name))
	return l.start(quorum.Poll[*request, reply]{
		Request: &request{op: opInspect, name: name, fenced: l.options.fencing},
		Key:     queueKey(name), // behind our own requests on the name
		Timeout: patience,
		Until:   time.Now().Add(patience),
		Seen:    func(_ int, a quorum.Answer[reply]) quorum.Reaction { return quorum.Reaction{Vote: vote(a)} },
		Settled: func(_ *request, o quorum.Outcome[reply]) bool {
			return o.Result != quorum.Pending && (enough == nil || enough(o))
		},
	}).Wait(ctx)
}

// holding counts what the voters have.
func (l *Locker) holding(name string, o quorum.Outcome[reply]) Holding {
	h := Holding{Name: name, Nodes: make([]NodeHolding, len(l.nodes))}
	var now guard.Span
	if l.guard != nil {
		now, _ = l.guard.Now()
	}
	for voter, a := range o.Answers {
		n := &h.Nodes[voter]
		switch {
		case a.Heard && a.Err == nil:
			*n = l.nodeHolding(a.Reply.found, now)
		case a.Heard:
			_, n.Err = explain(a.Err, l.voters[voter].link)
		default:
			n.Err = errors.New("it didn't answer in time")
		}
		n.Node = l.nodes[voter]
	}
	for _, n := range h.Nodes {
		// The holder may go by any one of the sets.
		if n.Token != "" && l.electorate().Some(func(voter int) bool { return h.Nodes[voter].Token == n.Token }) {
			h.Token = n.Token
		}
	}
	if h.Token == "" {
		return h
	}
	fences := election.New(l.electorate())
	for voter, n := range h.Nodes {
		if n.Token != h.Token {
			continue
		}
		fences.Grant(voter, n.Fence)
		h.Remaining = max(h.Remaining, n.Remaining)
		if n.Owner != "" {
			h.Owner = n.Owner
		}
	}
	h.Fence, _ = fences.Some()
	return h
}

// nodeHolding judges by the rules of scripts/record.lua: the record by the agreed time, where it's known, and the key where
// the record doesn't know its owner.
func (l *Locker) nodeHolding(f *found, now guard.Span) NodeHolding {
	n := NodeHolding{Fence: f.register}
	recorded := f.token != "" && f.deadline >= 0 // and not given back
	timed := l.guard != nil && f.deadline > 0
	switch {
	case recorded && timed && now.Earliest < f.deadline:
		n.Token, n.Owner, n.Remaining = f.token, f.owner, now.Left(f.deadline)
		if now.Earliest < 0 { // nobody knows what time it is
			n.Remaining = f.ttl
		}
	case f.key != "" && f.key == f.token && timed: // its time is over, whatever the key says
	case f.key != "":
		n.Token, n.Remaining = f.key, f.ttl
		if f.key == f.token {
			n.Owner = f.owner
		}
		if f.endless {
			n.Err = errNoTTL
		}
	}
	return n
}

// decided reports whether the voters that weren't heard can't change who the holder is.
func (l *Locker) decided(h Holding) bool {
	if h.Held() {
		return true
	}
	silent := func(voter int) bool { return h.Nodes[voter].Err != nil && h.Nodes[voter].Token == "" }
	for _, n := range h.Nodes {
		if n.Token != "" && l.electorate().Some(func(voter int) bool { return silent(voter) || h.Nodes[voter].Token == n.Token }) {
			return false
		}
	}
	return !l.electorate().Some(silent)
}

// nameOwners asks the voters who holds the lock that an attempt was refused, for the error's reader. It's one more round
// trip, so only the error that a caller gets is worth it, and only where the locker's users give their owners' names.
func (l *Locker) nameOwners(ctx context.Context, name string, err error) {
	var e *QuorumError
	if l.options.owner == "" || !errors.As(err, &e) || e.Reason != ErrNotAcquired || errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	if !l.busy.begin(l.draining) {
		return
	}
	defer l.busy.running.Done()
	o := l.inspect(context.WithoutCancel(ctx), name, nil) // a deadline has often just passed here
	for voter, n := range l.holding(name, o).Nodes {
		if r := &e.Nodes[voter]; r.Outcome == Held {
			r.Owner = n.Owner
		}
	}
}
