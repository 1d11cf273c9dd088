package redlock

import (
	"sync"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// place is what a voter has said last about a lock.
type place uint8

const (
	unheard place = iota
	absent        // the voter doesn't have the lock
	present
)

// places is what all voters have said last. It is safe for concurrent use.
type places struct {
	mu       sync.Mutex
	at       []place
	register []int64 // the fencing tokens that they had seen
}

func newPlaces(voters int) *places {
	return &places{at: make([]place, voters), register: make([]int64, voters)}
}

// note takes in a voter's reply to a request that would leave the lock there.
func (p *places) note(op operation, voter int, r reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[voter] = absent
	if r.status == statusOK {
		p.at[voter] = present
	}
	if op == opExtend {
		p.register[voter] = r.value
	}
}

// overtaken reports whether a majority of the voters has seen one and the same larger fencing token,
// and which. That proves that they granted another the lock meanwhile. Larger tokens alone prove
// nothing: every attempt that fails leaves its own where it met a voter without the lock.
func (p *places) overtaken(fence int64) (by int64, overtaken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	by, overtaken = election{p.register}.agreed()
	return by, overtaken && by > fence
}

// present reports whether a voter is known to have the lock.
func (p *places) present(voter int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[voter] == present
}

// missing returns the voters that aren't known to have the lock: those that said so, or also
// those that weren't heard.
func (p *places) missing(alsoUnheard bool) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var voters []int
	for voter, at := range p.at {
		if at == absent || (at == unheard && alsoUnheard) {
			voters = append(voters, voter)
		}
	}
	return voters
}

// Healing offers the lock to the voters that don't have it, as long as it's valid: a majority
// was seen to hold it within its deadline, so no other lock can be, and what a voter has denied
// before, or forgotten since, can't matter. Without this, a lock held by a bare majority would
// die with the next voter (https://github.com/go-redsync/redsync/issues/186).
//
// It begins soon after a majority has given the lock or extended it, and goes on with growing
// pauses as long as somebody is missing. What a voter answers counts at the next extension.

// startHealing is called when a majority has granted or extended the lock. The caller holds mu.
func (lk *Lock) startHealing() {
	lk.healing.pause = lk.locker.options.nodeTimeout // by then, whoever is merely slow has answered
	if lk.healing.timer == nil {
		lk.healing.timer = time.AfterFunc(lk.healing.pause, lk.heal)
	} else {
		lk.healing.timer.Reset(lk.healing.pause)
	}
}

// stopHealing is called when the lock is over. The caller holds mu.
func (lk *Lock) stopHealing() { lk.healing.timer.Stop() }

// heal runs when a pause is over.
func (lk *Lock) heal() {
	lk.mu.Lock()
	defer lk.mu.Unlock()
	missing := lk.places.missing(true)
	if len(missing) == 0 || lk.remaining() == 0 {
		return
	}
	lk.offer(missing)
	lk.healing.pause *= 2
	lk.healing.timer.Reset(lk.healing.pause)
}

// offer offers the lock to some voters, in the background. They refuse if another holds it. The
// caller holds mu, so that the offer is either in the queue before the release or not made at all.
func (lk *Lock) offer(voters []int) {
	l, left := lk.locker, lk.remaining()
	if left == 0 || len(voters) == 0 {
		return
	}
	r := lk.extendRequest(true, lk.deadline, l.now())
	// Until when the others keep it, and no longer: the next extension goes to all.
	r.ttl = min(lk.ttl, left+lk.ttl-l.options.window(0, lk.ttl).Length())
	for _, voter := range voters {
		lk.doubts.offer(voter)
	}
	l.group.Start(quorum.Poll[request, reply]{
		Request: r,
		Urgent:  true,
		After:   lk.asked,
		Key:     queueKey(lk.name),
		Voters:  voters,
		Until:   time.Now().Add(left),
		Judge: func(voter int, r reply) quorum.Vote {
			lk.places.note(opExtend, voter, r)
			return quorum.Unknown
		},
		Repeat: func(voter int, a quorum.Answer[reply], _ int) (time.Duration, bool) {
			if a.Err != nil && !a.Unsent() {
				lk.doubts.raise(voter) // it may plant the lock yet
			}
			return 0, false
		},
	})
}
