package election

// plain is an explorer that takes no short cuts: starting, sending, each reply, each end of a
// lock, extensions and releases are steps of their own. It's there to check the other one,
// which must see everything that it sees.
//
// It still takes for granted that a lost message is one that waits for ever, that a refusal is
// as good as lost, and that replies beyond those that win a ballot don't matter.
type plain struct{ *explorer }

func (p plain) steps(w *world, to []step) []step {
	if p.over(w) {
		return to
	}
	for client := range p.clients {
		if w.clients[client].phase == idle {
			to = append(to, step{kind: starting, client: client})
			break // attempts are all alike: let them start in order
		}
		for voter := range p.voters {
			to = p.stepsOf(w, client, voter, to)
		}
	}
	for voter := range p.voters {
		if w.voters[voter].owner != 0 {
			to = append(to, step{kind: expiring, voter: voter})
		}
	}
	return to
}

func (p plain) stepsOf(w *world, client, voter int, to []step) []step {
	c := &w.clients[client]
	s := step{client: client, voter: voter}
	with := func(k kind) step { s.kind = k; return s }
	if w.voters[voter].owner == uint8(client+1) {
		to = append(to, with(releasing))
	}
	switch {
	case c.phase == asking && c.granted[voter] != 0 && !has(c.heard, voter):
		to = append(to, with(hearing))
	case c.phase == confirming && !has(c.confirmed, voter):
		to = append(to, with(confirmation))
	case c.phase == confirming && !has(c.heard, voter):
		to = append(to, with(hearing))
	case c.phase == done:
		// A confirmation that the client doesn't wait for any more may still be on its way.
		to = append(to, with(confirmation), with(extending), with(restoring))
	}
	if w.voters[voter].owner == 0 && !has(c.asked, voter) && !p.twin(w, voter) {
		for _, proposal := range p.proposals(w, client, voter) {
			s.proposal = proposal
			to = append(to, with(granting))
		}
	}
	return to
}

func (p plain) apply(w *world, s step) violation {
	v, c := &w.voters[s.voter], &w.clients[s.client]
	id := uint8(s.client + 1)
	switch s.kind {
	case starting:
		p.start(w, c)
	case granting:
		value, _ := v.grant(p.broken, id, s.proposal)
		c.asked |= 1 << s.voter
		if c.phase == asking {
			c.granted[s.voter] = value
		}
	case hearing:
		return p.hear(w, c, s.voter)
	case confirmation:
		if v.confirm(p.broken, id, c.token) && c.phase == confirming {
			c.confirmed |= 1 << s.voter
		}
	case extending, restoring:
		v.extend(p.broken, id, c.token, s.kind == restoring)
	case releasing:
		v.release(id)
	case expiring:
		v.expire()
	}
	return none
}

func (p plain) hear(w *world, c *modelClient, voter int) violation {
	c.heard |= 1 << voter
	switch {
	case !p.wins[c.heard]:
		return none
	case c.phase == confirming:
		return p.complete(w, c, c.token)
	default:
		return p.elect(w, c, c.heard)
	}
}
