package redlock

import (
	"context"
	"strconv"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// Attempts of one moment take voters from each other, and it may be that none gets a majority. Then the *lead voter* of the
// name decides: the attempt that it granted goes on to ask the others, and those that it refused give back what
// they have. Where others are known to want the lock, it's asked first, so that they don't get in each other's way at all.
// It's the same request, with the same token, that is asked again, so nothing is promised that
// one attempt with lost or late messages wouldn't be. That all clients know the same lead voter is no more than a hint: where
// they don't, the votes stay split, and everybody fails.

// holderID tells the holders of a lock apart, for as much as a refusal says: the first 32 bits of a token. It's 0
// where that isn't hexadecimal, as with other libraries' locks.
type holderID int64

func holderOf(token string) holderID {
	id, err := strconv.ParseUint(token[:min(len(token), 8)], 16, 32)
	if err != nil {
		return 0
	}
	return holderID(id)
}

// nobody stands for a holder that has gone before it could be named.
const nobody holderID = -1

// leadVoter returns the voter that a name chooses among n.
func leadVoter(name string, n int) int {
	return int(queueKey(name) >> 32 % uint64(n)) // the lower bits choose the worker
}

// missed notes which voters haven't answered in time.
func (l *Locker) missed(o quorum.Outcome[reply]) {
	for voter, a := range o.Answers {
		if !a.Heard {
			l.voters[voter].silent.Store(true)
		}
	}
}

// awaits reports whether a voter hasn't answered and is likely to.
func (r *request) awaits(voter int, o quorum.Outcome[reply]) bool {
	return !o.Answers[voter].Heard && !r.voters[voter].silent.Load()
}

// leader returns the lead voter: the one that the name chooses, or the next that takes part, by a vote or by naming a
// holder. It's -1 if there's none, and known is false as long as one before it may answer.
func (r *request) leader(o quorum.Outcome[reply]) (voter int, known bool) {
	set := r.members.electorate.Sets()[0]
	first := leadVoter(r.name, len(set))
	for i := range set {
		voter = set[(first+i)%len(set)]
		switch a := o.Answers[voter]; {
		case r.awaits(voter, o):
			return -1, false
		case said(a) == Granted || said(a) == Held:
			return voter, true
		}
	}
	return -1, true
}

// judged reports whether it's known who goes on after a split vote: the lead voter has answered, and nobody can have a
// majority, or this attempt can't be the one.
func (r *request) judged(o quorum.Outcome[reply]) bool {
	voter, known := r.leader(o)
	if !known || voter < 0 {
		return known
	}
	if vote(o.Answers[voter]) != quorum.Yes && o.Result == quorum.Lost {
		return true
	}
	for voter := range o.Answers {
		if r.awaits(voter, o) {
			return false
		}
	}
	return true
}

// split reports whether attempts of the same moment may have taken the votes from each other: some voters name
// holders, none of whom is known to have a majority, and there's one to be had. Who is known to have given the lock back
// doesn't count: the release is on its way.
func (r *request) split(o quorum.Outcome[reply]) bool {
	e, anyHeld := r.members.electorate, false
	for _, a := range o.Answers {
		if said(a) != Held {
			continue
		}
		anyHeld = true
		// It may go by any one of the sets.
		if h := a.Reply.holder; h != nobody && (r.gone == 0 || h != r.gone) && e.Some(func(voter int) bool { return said(o.Answers[voter]) == Held && o.Answers[voter].Reply.holder == h }) {
			return false
		}
	}
	return anyHeld && e.Majority(func(voter int) bool {
		a := o.Answers[voter]
		return !a.Heard || vote(a) == quorum.Yes || said(a) == Held
	})
}

// leads reports whether an attempt has lost to others of the same moment and is the one to go on.
func (r *request) leads(o quorum.Outcome[reply]) bool {
	if o.Result == quorum.Won || o.Expired || !r.split(o) {
		return false
	}
	voter, _ := r.leader(o)
	return voter >= 0 && vote(o.Answers[voter]) == quorum.Yes
}

const (
	// swiftOf is the part of a node time-out in which the lead voter has answered that is asked first.
	swiftOf = 16
	// leadOf is the part of a node time-out that it gets. The rest is for asking all.
	leadOf = 8
)

// askLead asks the lead voter before the others, where another was seen to want the lock in the last second or two. Who has its vote then
// asks the others, and meets no crowd. Who is refused waits for as long as that should take, so that it doesn't take voters from the one
// with the vote; unless the holder was the same the last time, and so has long been through. It asks all after that, since a single voter
// may name a holder that is gone. It returns false when ctx is done.
func (lk *Lock) askLead(ctx context.Context, seen *observation, poll *quorum.Poll[*request, reply]) bool {
	l := lk.locker
	before, contended := l.contended.holder(lk.name)
	set := l.electorate().Sets()[0]
	lead := set[leadVoter(lk.name, len(set))]
	if v := l.voters[lead]; !contended || len(set) < 3 || !v.answers() || !v.swift.Load() {
		return true
	}
	first := *poll
	first.Voters, first.Timeout = []int{lead}, poll.Timeout/leadOf
	first.Settled = func(_ *request, o quorum.Outcome[reply]) bool { return o.Answers[lead].Heard }
	lk.asking(first.Voters)
	ballot := l.group.Start(first)
	lk.askedBy(ballot)
	end := ballot.Begun().Add(poll.Timeout)
	seen.rounds++
	o := ballot.Wait(ctx)
	a := o.Answers[lead]
	switch {
	case !a.Heard:
		l.voters[lead].swift.Store(false)
	case vote(a) == quorum.Yes:
		poll.Standing = make([]quorum.Answer[reply], len(l.nodes))
		poll.Standing[lead] = a
		for voter := range l.nodes {
			if voter != lead {
				poll.Voters = append(poll.Voters, voter)
			}
		}
	case said(a) == Held && a.Reply.holder != before:
		sleep(ctx, min(a.Elapsed, poll.Timeout/leadOf))
	}
	poll.Timeout = time.Until(end)
	if ctx.Err() != nil {
		seen.decided = l.judge(opAcquire, o, false)
		return false
	}
	return true
}

// meetOthers notes that others have the lock, or try to get it.
func (l *Locker) meetOthers(name string, answers []quorum.Answer[reply]) {
	holder := mostNamed(answers)
	for _, a := range answers {
		if said(a) == Held {
			l.contended.note(name, rival{holder, !l.turns.own(name, a.Reply.holder)})
		}
	}
}

// Pauses before the voters are asked again. The first time is at once, since the others give way at once.
const (
	firstInsistence = time.Millisecond / 4
	lastInsistence  = 4 * time.Millisecond
)

// insist asks the voters again that haven't granted the lock, until a majority has or the node time-out since the
// attempt's begin has passed. It returns the last ballot, and whether that was won.
func (lk *Lock) insist(ctx context.Context, seen *observation, poll quorum.Poll[*request, reply], ballot *quorum.Ballot[*request, reply]) (*quorum.Ballot[*request, reply], bool) {
	end := ballot.Begun().Add(poll.Timeout)
	for pause := time.Duration(0); ; pause = min(max(firstInsistence, 2*pause), lastInsistence) {
		if !sleep(ctx, min(pause, time.Until(end))) || !time.Now().Before(end) {
			return ballot, false
		}
		poll.Voters, poll.Standing = poll.Voters[:0:0], make([]quorum.Answer[reply], len(seen.decided.Answers))
		for voter, a := range seen.decided.Answers {
			if vote(a) == quorum.Yes {
				poll.Standing[voter] = a
			} else {
				poll.Voters = append(poll.Voters, voter)
			}
		}
		poll.Timeout = time.Until(end)
		lk.asking(poll.Voters)
		ballot = lk.locker.group.Start(poll)
		lk.askedBy(ballot)
		if won := lk.count(ctx, seen, opAcquire, ballot); won || !poll.Request.leads(seen.decided.Outcome) {
			return ballot, won
		}
	}
}

// sleep waits for d and reports whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
