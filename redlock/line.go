package redlock

import (
	"context"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// Processes that wait for a name stand in line at one voter, the lead voter if it can, first come, first served. Whoever
// gives the lock back there calls the first of them, by the same script. The first one that's called asks all voters,
// and meets no crowd. The line is a hint: where voters lose it, or messages do, those who wait find out by looking, and where they
// stand in different lines, they split the votes. See scripts/line.lua for the line and scripts/wait.lua for looking.

// stand is what a process says to the line.
type stand struct {
	process string
	ticket  any           // int64, or leaveTheLine
	overdue int64         // the ticket of who was called and should have come; 0 if nobody
	kept    time.Duration // for how long the line lives without another word
}

// place is what the line says to a process.
type place struct {
	ticket int64
	ahead  int
	called int64 // the ticket of who was called and is awaited; 0 if nobody is
}

// choose returns the voter at which to stand in line: the first in the name's order that answers and votes, and, where an attempt was
// refused, names the holder that most name, which will call there. It's -1 if there's none.
func (w *waiter) choose(refusals []quorum.Answer[reply]) int {
	l := w.locker
	set := l.electorate().Sets()[0]
	first, holder := leadVoter(w.name, len(set)), mostNamed(refusals)
	for i := range set {
		voter := set[(first+i)%len(set)]
		v := l.voters[voter]
		if !v.answers() || l.waitsFor(voter) || v.kind == clusterVoter && checkSlot(w.name) != nil {
			continue
		}
		if refusals == nil {
			return voter
		}
		if a := refusals[voter]; said(a) == Held && a.Reply.holder == holder {
			return voter
		}
	}
	return -1
}

// mostNamed returns the holder that most voters name.
func mostNamed(answers []quorum.Answer[reply]) holderID {
	named, most := map[holderID]int{}, nobody
	for _, a := range answers {
		if said(a) != Held {
			continue
		}
		holder := a.Reply.holder
		if named[holder]++; named[holder] > named[most] {
			most = holder
		}
	}
	return most
}

// move goes to the line at another voter.
func (w *waiter) move(voter int) {
	if voter == w.at {
		return
	}
	w.leave()
	w.at, w.ticket, w.overdue = voter, 0, 0
}

// ear returns the subscription at the voter.
func (w *waiter) ear() *ear { return w.locker.ears.at[w.at] }

// leave gives up the place in line, with the lock or without it.
func (w *waiter) leave() {
	if w.at < 0 {
		return
	}
	if w.spoke || w.failed > 0 { // an attempt that failed has called nobody
		w.say(leaveTheLine)
	}
	if w.listens {
		w.ear().leave()
	}
	w.turn.stands.Store(false)
	w.at, w.listens, w.spoke = -1, false, false
}

// won is leave for who has the lock. Who was called is off the line already.
func (w *waiter) won() {
	if w.called {
		w.spoke, w.failed = false, 0
	}
	w.leave()
}

// look asks how the line is, and keeps the place in it. It returns false where the voter doesn't say.
func (w *waiter) look(ctx context.Context) (reply, bool) {
	l := w.locker
	var ticket int64
	switch {
	case w.ticket != 0:
		ticket = w.ticket
	case w.stood: // at another voter
		ticket = -time.Since(w.begun).Microseconds()
	}
	o := w.say(ticket).Wait(ctx)
	a := o.Answers[w.at]
	switch {
	case ctx.Err() != nil:
	case !a.Heard:
		l.voters[w.at].silent.Store(true)
	case a.Err != nil:
		w.ear().refuse(a.Err)
	}
	if !a.Heard || a.Err != nil || l.waitsFor(w.at) { // what it remembers may be long over
		return reply{}, false
	}
	w.ticket, w.stood, w.overdue, w.answers = a.Reply.place.ticket, true, 0, o
	w.turn.stands.Store(true)
	if r := a.Reply; r.status != statusOK && (r.status != statusHeld || r.place.ahead > 0 || !l.turns.own(w.name, r.holder)) {
		l.contended.note(w.name, rival{r.holder, true})
	}
	return a.Reply, true
}

// say sends a word to the line.
func (w *waiter) say(ticket any) *quorum.Ballot[*request, reply] {
	l := w.locker
	timeout, at, key := l.options.nodeTimeout, w.at, queueKey(w.name)
	if v := l.voters[at]; v.sessions[key%uint64(len(v.sessions))].known.covers(opWait, time.Now(), v.idle) {
		timeout -= timeout / looksOf
	}
	w.spoke = true
	return l.start(quorum.Poll[*request, reply]{
		Request: &request{
			op: opWait, name: w.name, fenced: l.options.fencing, now: l.now(),
			line: stand{process: l.process, ticket: ticket, overdue: w.overdue, kept: max(leastKept, 2*farthest*l.options.nodeTimeout)},
		},
		Key:     key,
		Timeout: timeout,
		Until:   time.Now().Add(timeout),
		Urgent:  true, // one at a time for each name; to leave is one more
		Persist: ticket == leaveTheLine,
		Voters:  []int{at},
		Seen:    func(_ int, a quorum.Answer[reply]) quorum.Reaction { return quorum.Reaction{Vote: vote(a)} },
		Settled: func(_ *request, o quorum.Outcome[reply]) bool { return o.Answers[at].Heard },
	})
}
