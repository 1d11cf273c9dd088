package election

import "github.com/a5bbb083/redlock/quorum"

// explorer is one protocol, shipped or broken, for a number of voters and attempts.
//
// Its adversary delays, reorders and loses every message, ends locks at any moment, stops
// clients for ever and sets every clock as it likes, for each voter anew. Nothing is FIFO. Its
// steps are the moments at which a voter changes. What is only local is taken at once, at the
// moment at which it leaves the adversary most freedom, or makes the demands hardest:
//
//   - An attempt starts when its first request is carried out: the later it starts, the more
//     attempts have completed before.
//   - It makes its decision when the last reply that it goes by is given, and completes then:
//     the earlier it does, the more attempts start after.
//   - It goes by as few replies as can win. More of them choose nothing that some of them
//     wouldn't: the value that a majority agrees on, or else the largest.
//   - A lock ends just before something else is done with it. Until then, its end would only
//     have prevented things.
//   - A release is such an end. A refusal is a lost message, as is a time-out. A lost
//     message is one that waits for ever, and a failed attempt one whose replies do. An
//     extension is a restoration that finds its lock.
//
// The plain explorer does without most of that, as a check.
type explorer struct {
	voters, clients int
	initial         []int64 // the registers at the beginning; 0 if not set
	repeats         bool    // requests may be carried out again and again
	forgetful       bool    // voters may lose their memory again and again
	broken          mutation

	seen       outcomes
	votes      Values // used again and again
	scratch    []int64
	wins       [1 << mostVoters]bool // by set of voters: whether the last of their votes wins
	electorate []uint8               // the sets that do
}

func newExplorer(e explorer) *explorer {
	e.votes = New(quorum.All(e.voters))
	for set := range uint8(1 << e.voters) {
		if e.wins[set] = e.justWins(set); e.wins[set] {
			e.electorate = append(e.electorate, set)
		}
	}
	return &e
}

type kind uint8

const (
	granting kind = iota
	confirmation
	restoring
	forgetting
	// The rest is for the plain explorer.
	starting
	hearing
	extending
	releasing
	expiring
)

// step is something that happens at a voter, with what follows from it at the client.
type step struct {
	kind     kind
	client   int
	voter    int
	proposal int64
	// counted are the voters whose grants the client goes by: none where this one's reply is
	// lost, only this one where it waits for others, or enough to win.
	counted uint8
}

func (e *explorer) begin() world {
	var w world
	for i, register := range e.initial {
		w.voters[i].register = register
	}
	return w
}

// over reports whether nobody is left who could complete.
func (e *explorer) over(w *world) bool {
	for i := range w.clients[:e.clients] {
		if w.clients[i].phase < done {
			return false
		}
	}
	return true
}

// steps appends all that can happen.
func (e *explorer) steps(w *world, to []step) []step {
	if e.over(w) {
		return to
	}
	for voter := range e.voters {
		for client := range e.clients {
			to = e.stepsOf(w, client, voter, to)
		}
		if e.forgetful && w.voters[voter].register != 0 {
			to = append(to, step{kind: forgetting, voter: voter})
		}
	}
	return to
}

func (e *explorer) stepsOf(w *world, client, voter int, to []step) []step {
	c := &w.clients[client]
	switch c.phase {
	case idle:
		if client > 0 && w.clients[client-1].phase == idle {
			return to // attempts are all alike: let them start in order
		}
	case confirming:
		if !has(c.confirmed, voter) {
			to = append(to, step{kind: confirmation, client: client, voter: voter})
		}
	case done:
		to = append(to, step{kind: restoring, client: client, voter: voter})
	}
	if has(c.asked, voter) || e.twin(w, voter) {
		return to
	}
	for _, proposal := range e.proposals(w, client, voter) {
		to = e.replies(c, step{kind: granting, client: client, voter: voter, proposal: proposal}, to)
	}
	return to
}

// twin reports whether an earlier voter is untouched as well, so that the same happens there.
func (e *explorer) twin(w *world, voter int) bool {
	if e.forgetful || w.voters[voter] != (modelVoter{}) {
		return false
	}
	for _, v := range w.voters[:voter] {
		if v == (modelVoter{}) {
			return true
		}
	}
	return false
}

// proposals returns those that make a difference to a grant, from below the register to above
// all values. What a voter has forgotten, every clock has passed.
func (e *explorer) proposals(w *world, client, voter int) []int64 {
	e.scratch = e.scratch[:0]
	var last int64
	highest := rankValues(w).highest()
	for proposal := w.voters[voter].lost + 1; proposal <= highest+1; proposal++ {
		v := w.voters[voter]
		v.expire()
		value, _ := v.grant(e.broken, uint8(client+1), proposal)
		if value != last {
			e.scratch = append(e.scratch, proposal)
		}
		last = value
	}
	return e.scratch
}

// replies appends a grant once for each thing that the client can make of the reply.
func (e *explorer) replies(c *modelClient, s step, to []step) []step {
	alone := uint8(1) << s.voter
	// A reply that is never counted is as good as lost, unless it takes another's place.
	if c.phase > asking || c.granted[s.voter] != 0 {
		to = append(to, s)
	}
	if c.phase > asking {
		return to
	}
	if s.counted = alone; !e.wins[alone] {
		to = append(to, s)
	}
	for _, set := range e.electorate {
		if s.counted = set; has(set, s.voter) && c.answered(set&^alone) {
			to = append(to, s)
		}
	}
	return to
}

func (c *modelClient) answered(voters uint8) bool {
	for voter, value := range c.granted {
		if has(voters, voter) && value == 0 {
			return false
		}
	}
	return true
}

// apply takes a step, and reports whether an attempt completes that must not.
func (e *explorer) apply(w *world, s step) violation {
	v, c := &w.voters[s.voter], &w.clients[s.client]
	id := uint8(s.client + 1)
	switch s.kind {
	case granting:
		v.expire()
		if c.phase == idle {
			e.start(w, c)
		}
		return e.grant(w, s)
	case confirmation:
		if v.confirm(e.broken, id, c.token) {
			c.confirmed |= 1 << s.voter
		}
		if e.wins[c.confirmed] {
			return e.complete(w, c, c.token)
		}
	case restoring:
		if v.owner != id {
			v.expire()
		}
		v.extend(e.broken, id, c.token, true)
	case forgetting:
		v.forget(e.broken)
	}
	return none
}

func (e *explorer) grant(w *world, s step) violation {
	v, c := &w.voters[s.voter], &w.clients[s.client]
	value, _ := v.grant(e.broken, uint8(s.client+1), s.proposal)
	v.lost = 0
	if !e.repeats {
		c.asked |= 1 << s.voter
	}
	if s.counted == 0 {
		return none
	}
	c.granted[s.voter] = value
	if e.wins[s.counted] {
		return e.elect(w, c, s.counted)
	}
	if c.asked == 1<<e.voters-1 {
		*c = modelClient{phase: hopeless}
	}
	return none
}
