package redlock

import (
	"slices"
	"sync"
	"time"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/election"
)

// claim is an acquisition and what it may have left at the voters. It's what has to be released.
type claim struct {
	name, token string
	owner       string // what the holder calls itself
	ttl         time.Duration
	standing
}

// standing is what is known of a lock at each voter: where it is, and where it may come to be. It is safe for
// concurrent use.
type standing struct {
	mu    sync.Mutex
	sites []site
	// asked is the acquisition's last ballot as long as somebody hasn't answered: nothing that's about the same
	// lock may overtake it.
	asked   *quorum.Ballot[*request, reply]
	waiting int // for so many answers to the acquisition's ballots
	// longest is the longest TTL that was asked for; 0 if that's the claim's own.
	longest time.Duration
}

// site is what is known of a lock at one voter.
type site struct {
	said     presence // last
	register int64    // the fencing token that it had seen, as it said when it was asked for an extension
	// unsettled counts the requests that may be on their way and plant the lock. Its own answer settles the matter.
	// After an error nobody knows: the request may sit in a stopped server's socket or in a retransmission, and
	// a later one on a new connection can overtake it.
	unsettled int
	offered   bool // the lock was offered again, see heal.go
}

// presence is what a voter has said last about a lock.
type presence uint8

const (
	unheard presence = iota
	absent           // the voter doesn't have the lock
	present
)

func presenceOf(r reply) presence {
	if r.status == statusOK {
		return present
	}
	return absent
}

// answeredClaim takes in a voter's answer to the acquisition.
func (s *standing) answeredClaim(voter int, a quorum.Answer[reply]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := &s.sites[voter]
	if a.Err == nil {
		at.said = presenceOf(a.Reply)
	}
	if a.Err == nil || a.Unsent() {
		at.unsettled--
	}
	if s.waiting--; s.waiting == 0 {
		s.asked = nil
	}
}

// asking notes that these voters, or all (nil), are about to be asked for the lock.
func (s *standing) asking(voters []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for voter := range s.sites {
		if voters == nil || slices.Contains(voters, voter) {
			s.sites[voter].unsettled++
			s.waiting++
		}
	}
}

// askedBy notes the acquisition's last ballot.
func (s *standing) askedBy(b *quorum.Ballot[*request, reply]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting > 0 {
		s.asked = b
	}
}

// mayLive notes that the lock is about to be asked for with a TTL.
func (s *standing) mayLive(ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.longest = max(s.longest, ttl)
}

// life returns for how long the lock may be on a voter that doesn't hear of its release.
func (c *claim) life() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.ttl, c.longest)
}

// underWay returns the acquisition's ballot if it's still waiting somewhere.
func (s *standing) underWay() *quorum.Ballot[*request, reply] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// answeredExtension takes in a voter's answer to an extension.
func (s *standing) answeredExtension(voter int, a quorum.Answer[reply]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := &s.sites[voter]; a.Err == nil {
		at.said, at.register = presenceOf(a.Reply), a.Reply.value
	}
}

// answeredOffer takes in a voter's answer to an offer.
func (s *standing) answeredOffer(voter int, a quorum.Answer[reply]) {
	s.answeredExtension(voter, a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Err != nil && !a.Unsent() {
		s.sites[voter].unsettled++ // it may plant the lock yet
	}
}

// offer notes that the lock is about to be offered to voters.
func (s *standing) offer(voters []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, voter := range voters {
		s.sites[voter].offered = true
	}
}

// unsettled reports whether a request that plants the lock may still be on its way to a voter.
func (s *standing) unsettled(voter int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sites[voter].unsettled > 0
}

// suspects returns the voters that may have the lock, or get it yet: all but those that the request
// was never sent to, and those that refused it.
func (s *standing) suspects() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	voters := make([]int, 0, len(s.sites)) // not nil, which would mean all
	for voter, at := range s.sites {
		if at.said == present || at.offered || at.unsettled > 0 {
			voters = append(voters, voter)
		}
	}
	return voters
}

// missing returns the voters that aren't known to have the lock: those that said so, or also
// those that weren't heard.
func (s *standing) missing(alsoUnheard bool) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var voters []int
	for voter, at := range s.sites {
		if at.said == absent || (at.said == unheard && alsoUnheard) {
			voters = append(voters, voter)
		}
	}
	return voters
}

// overtaken reports whether a majority of the voters has seen one and the same larger fencing token,
// and which. That proves that they granted another the lock meanwhile. Larger tokens alone prove
// nothing: every attempt that fails leaves its own where it met a voter without the lock.
func (s *standing) overtaken(e quorum.Electorate, fence int64) (by int64, overtaken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	votes := election.New(e)
	for voter, at := range s.sites {
		votes.Grant(voter, at.register)
	}
	by, overtaken = votes.Some() // the other may go by any one of the sets
	return by, overtaken && by > fence
}
