package redlocktest

// Partition cuts the given nodes off from every member, members that are only used later
// included, as [Link.Cut] does. The other links stay as they are. It panics when there is no
// such node.
func (q *Quorum) Partition(nodes ...int) {
	for _, i := range nodes {
		n := q.nodes[i]
		n.each(func(l *Link) { l.requests.cut, l.replies.cut = true, true }, func() { n.isolated = true })
	}
}

// HealAll ends every fault of every link: cuts, holding, delays, and drops that are still to
// come. What has been stopped sets off now, in its order. Nodes stay as they are: paused, crashed,
// or with a wrong clock.
func (q *Quorum) HealAll() {
	for _, n := range q.nodes {
		n.each(func(l *Link) {
			l.requests, l.replies = direction{}, direction{}
			l.heal()
		}, func() { n.isolated = false })
	}
}

// each changes all links of the node at once, and something more.
func (n *Node) each(change func(*Link), more func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	more()
	for _, l := range n.links {
		change(l)
		l.wakeAll()
	}
}

// Partition cuts this member off from the given nodes, as [Link.Cut] does. It panics when there
// is no such node.
func (m *Member) Partition(nodes ...int) {
	for _, i := range nodes {
		m.links[i].Cut()
	}
}

// Holder returns the token that a majority of the nodes keeps at the key name, which for a lock
// of package redlock is Lock.Token, and whether there is such a token. Each node is looked at in
// turn and by its own clock, as by [Node.Get]: one that's paused or crashed counts with what it
// would know after a restart with its memory.
func (q *Quorum) Holder(name string) (token string, held bool) {
	votes := map[string]int{}
	for _, n := range q.nodes {
		if token, ok := n.Get(name); ok {
			votes[token]++
			if votes[token] > len(q.nodes)/2 {
				return token, true
			}
		}
	}
	return "", false
}

// connected reports whether the member has ever sent anything.
func (m *Member) connected() bool {
	for _, l := range m.links {
		l.node.mu.Lock()
		used := l.used
		l.node.mu.Unlock()
		if used > 0 {
			return true
		}
	}
	return false
}
