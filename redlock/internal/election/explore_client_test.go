package election

import (
	"math/bits"

	"github.com/a5bbb083/redlock/quorum"
)

// justWins reports whether a ballot is won by the last of these voters' votes, by the code
// that ships.
func (e *explorer) justWins(set uint8) bool {
	if e.broken == majorityOfHalf {
		return bits.OnesCount8(set) == e.voters/2
	}
	tally, result := quorum.NewTally(e.voters), quorum.Pending
	for voter := range e.voters {
		if !has(set, voter) {
			continue
		}
		if result == quorum.Won {
			return false // it was over before
		}
		result = tally.Cast(voter, quorum.Yes)
	}
	return result == quorum.Won
}

// elect is what a client does when these voters' grants have won its ballot: Lock.ask with
// a round trip that takes no time. The election is the code that ships.
func (e *explorer) elect(w *world, c *modelClient, set uint8) violation {
	clear(e.votes.values)
	for voter, value := range c.granted[:e.voters] {
		if has(set, voter) {
			e.votes.Grant(voter, value)
		}
	}
	token, agreed := e.votes.Agreed()
	if !agreed {
		token = e.votes.Candidate()
	}
	if agreed || e.broken == maximumUnconfirmed {
		return e.complete(w, c, token)
	}
	*c = modelClient{phase: confirming, before: c.before, asked: c.asked, token: token}
	return none
}

// violation is what must not happen when an attempt completes.
type violation string

const (
	none      violation = ""
	duplicate violation = "two attempts completed with the same token"
	disorder  violation = "an attempt that started after another had completed got the smaller token"
)

// outcomes is the set of ways in which a token was seen to relate to an earlier one.
type outcomes uint8

const (
	largerLater outcomes = 1 << iota // started after the other had completed
	equalLater
	smallerLater
	larger // started before
	equal
	smaller
)

// complete ends an attempt with a token, and judges it.
func (e *explorer) complete(w *world, c *modelClient, token int64) violation {
	found := none
	for i := range w.clients {
		other := &w.clients[i]
		if other.phase != done {
			continue
		}
		seen := larger
		switch {
		case token == other.token:
			seen = equal
		case token < other.token:
			seen = smaller
		}
		if has(c.before, i) {
			seen >>= 3
		}
		e.seen |= seen
		switch seen {
		case equal, equalLater:
			found = duplicate
		case smallerLater:
			found = disorder
		}
	}
	*c = modelClient{phase: done, asked: c.asked, token: token}
	return found
}

func (e *explorer) start(w *world, c *modelClient) {
	c.phase = asking
	for i := range w.clients {
		if w.clients[i].phase == done {
			c.before |= 1 << i
		}
	}
}

// has reports whether a set has a member.
func has(set uint8, member int) bool { return set>>member&1 == 1 }
