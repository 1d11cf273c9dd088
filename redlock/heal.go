package redlock

import (
	"sync"
	"time"

	"github.com/a5bbb083/redlock/quorum"
)

// extension collects the voters that turn out to have lost the lock, and offers it to them
// again once a majority was seen to hold it within its deadline: never earlier, or an expired
// lock could come back to life. Without this, a lock held by a bare majority would die with
// the next voter (https://github.com/go-redsync/redsync/issues/186).
type extension struct {
	lock *Lock

	mu     sync.Mutex
	proven bool
	gone   []int
}

// judge is called for each voter's reply, also for those that come after the majority's.
func (x *extension) judge(voter int, r reply) quorum.Vote {
	if r.status == statusGone {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.proven {
			x.lock.restore(voter)
		} else {
			x.gone = append(x.gone, voter)
		}
	}
	return x.lock.locker.judge(opExtend, voter, r)
}

// prove is called when the extension has succeeded.
func (x *extension) prove() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.proven = true
	for _, voter := range x.gone {
		x.lock.restore(voter)
	}
}

// restore offers the lock to a voter, in the background and only as long as it's valid. The
// voter refuses if it has seen a later owner. Whatever it says is counted at the next
// extension, not now.
func (lk *Lock) restore(voter int) {
	// Under the lock's mutex, so that the offer is either in the queue before the release or not
	// made at all.
	lk.mu.Lock()
	defer lk.mu.Unlock()
	l, left := lk.locker, lk.remaining()
	if left == 0 {
		return
	}
	r := lk.extendRequest(true)
	r.notAfter = l.options.clock.Now() + left
	l.group.Start(quorum.Poll[request, reply]{
		Request: r,
		Key:     queueKey(lk.name),
		Voters:  []int{voter},
		Until:   time.Now().Add(left),
		Judge:   func(int, reply) quorum.Vote { return quorum.Unknown },
		Repeat: func(voter int, a quorum.Answer[reply], _ int) (time.Duration, bool) {
			if a.Err != nil && !a.Unsent() {
				lk.doubts.raise(voter) // it may plant the lock yet
			}
			return 0, false
		},
	})
}
