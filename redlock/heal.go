package redlock

import (
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// Healing offers the lock to the voters that don't have it, as long as it's valid: a majority
// was seen to hold it within its deadline, so no other lock can be, and what a voter has denied
// before, or forgotten since, can't matter. Without this, a lock held by a bare majority would
// die with the next voter (https://github.com/go-redsync/redsync/issues/186).
//
// It begins soon after a majority has given the lock or extended it, and goes on with growing
// pauses as long as somebody is missing. What a voter answers counts at the next extension.

// startHealing is called when a majority has granted or extended the lock. The caller holds mu.
func (lk *Lock) startHealing() {
	lk.pause = lk.locker.options.nodeTimeout // by then, whoever is merely slow has answered
	if lk.healing == nil {
		lk.healing = time.AfterFunc(lk.pause, lk.heal)
	} else {
		lk.healing.Reset(lk.pause)
	}
}

// heal runs when a pause is over.
func (lk *Lock) heal() {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	missing := lk.missing(true)
	if len(missing) == 0 || lk.remaining() == 0 {
		return
	}
	lk.offerTo(missing)
	lk.pause *= 2
	lk.healing.Reset(lk.pause)
}

// offerTo offers the lock to some voters, in the background. They refuse if another holds it. The
// caller holds mu, so that the offer is either in the queue before the release or not made at all.
func (lk *Lock) offerTo(voters []int) {
	l, left := lk.locker, lk.remaining()
	if left == 0 || len(voters) == 0 {
		return
	}
	// Until when the others keep it, and no longer: the next extension goes to all.
	ttl := min(lk.ttl, left+lk.ttl-l.options.window(0, lk.ttl).Length())
	lk.offer(voters)
	l.start(quorum.Poll[*request, reply]{
		Request: lk.extendRequest(ttl, true, lk.deadline, l.now()),
		Urgent:  true,
		After:   lk.underWay(),
		Key:     queueKey(lk.name),
		Voters:  voters,
		Until:   time.Now().Add(left),
		Seen: func(voter int, a quorum.Answer[reply]) quorum.Reaction {
			lk.answeredOffer(voter, a)
			return quorum.Reaction{}
		},
	})
}
