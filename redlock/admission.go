package redlock

import (
	"context"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

// startAdmission admits newcomers in the background, unless that's being done already. It doesn't
// block, so a voter's worker may call it. What it doesn't achieve, whoever meets the newcomer next tries again.
func (l *Locker) startAdmission() {
	l.admission()
}

// admission is startAdmission and returns a channel that's closed at the end of the one that's running then.
func (l *Locker) admission() <-chan struct{} {
	l.admitting.mu.Lock()
	defer l.admitting.mu.Unlock()
	if l.admitting.done != nil {
		return l.admitting.done
	}
	done := make(chan struct{})
	if !l.busy.begin(l.closing) {
		close(done)
		return done
	}
	l.admitting.done = done
	go func() {
		defer l.busy.running.Done()
		defer l.admitting.end()
		l.admit(l.closing)
	}()
	return done
}

// admitting is the admission under way.
type admitting struct {
	mu   sync.Mutex
	done chan struct{} // nil if there's none
}

func (a *admitting) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.done)
	a.done = nil
}

// admit asks all voters how they are. It tells those that need it for which set of voters they vote, and the newcomers
// among them from when on they vote.
func (l *Locker) admit(ctx context.Context) {
	begun := l.options.clock.Now()
	heard := l.look(ctx, l.options.nodeTimeout, nil)
	l.admitNewcomers(heard)
	// A process that was stopped meanwhile may have heard a voter before a change, and another after.
	if l.options.clock.Now()-begun <= l.longestLook() {
		l.tellSets(ctx, heard)
	}
}

// longestLook is how far apart the answers may be that one look puts together. A change of the set waits for longer.
func (l *Locker) longestLook() time.Duration { return exchangeTimeout(l.options.nodeTimeout) }

// admitNewcomers tells newcomers from when on they vote.
func (l *Locker) admitNewcomers(heard quorum.Outcome[reply]) {
	said := make([]*guard.Marker, len(heard.Answers))
	for voter, a := range heard.Answers {
		if a.Heard && a.Err == nil {
			if said[voter] = a.Reply.marker; said[voter] == nil {
				said[voter] = &guard.Marker{} // of a Redis Cluster
			}
		}
	}
	for _, a := range l.guard.Admissions(said) {
		l.sendAdmission(a.Voter, request{op: opAdmit, fence: a.Number, deadline: a.Until, ttl: a.Longest, restore: a.Certain})
	}
}

// sendAdmission tells a voter. Nobody waits: its answer is news for the guard.
func (l *Locker) sendAdmission(voter int, r request) {
	l.start(quorum.Poll[*request, reply]{
		Request: &r,
		Voters:  []int{voter},
		Until:   time.Now().Add(exchangeTimeout(l.options.nodeTimeout)),
		Persist: true,
		Urgent:  true,
	})
}

// look asks all voters for the time, and whether they may vote. It's over when that's enough, or else when all have
// answered.
func (l *Locker) look(ctx context.Context, timeout time.Duration, enough func() bool) quorum.Outcome[reply] {
	return l.lookBy(ctx, &request{op: opLook}, timeout, enough)
}

func (l *Locker) lookBy(ctx context.Context, r *request, timeout time.Duration, enough func() bool) quorum.Outcome[reply] {
	return l.start(quorum.Poll[*request, reply]{
		Request: r,
		Urgent:  true, // one at a time for each attempt or extension
		Timeout: timeout,
		Until:   time.Now().Add(timeout),
		Seen:    func(_ int, a quorum.Answer[reply]) quorum.Reaction { return quorum.Reaction{Vote: vote(a)} },
		Settled: func(*request, quorum.Outcome[reply]) bool { return enough != nil && enough() },
	}).Wait(ctx)
}

// knowTime makes sure that the time is known well enough to ask for a lock. It asks only at
// first contact, and after a silence in which the clocks could have drifted apart.
func (l *Locker) knowTime(ctx context.Context, op operation, name string) error {
	if l.guard == nil {
		return nil
	}
	if _, known := l.guard.Now(); known {
		l.knowSet(ctx)
		return nil
	}
	// The first exchange with a voter includes the dialling, so it gets more time.
	outcome := l.look(ctx, exchangeTimeout(l.options.nodeTimeout), func() bool { _, known := l.guard.Now(); return known })
	if _, known := l.guard.Now(); known {
		l.knowSet(ctx)
		return nil
	}
	outcome.Result = quorum.Pending // a majority that can't tell the time isn't one
	e := l.quorumError(ctx, name, l.judge(op, outcome, false))
	if e.Reason != ErrUnfit {
		e.Reason = ErrNoQuorum
	}
	if e.Granted() >= e.Needed {
		l.disagreement(e.Nodes)
	}
	return e
}
