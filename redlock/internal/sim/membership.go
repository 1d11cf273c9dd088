package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// membershipEvery is how many seeds there are to one that changes the list of voters. The others keep theirs, so that the
// other faults are as dense as ever.
const membershipEvery = 8

// list is which voters a process goes by.
type list uint8

const (
	oldOnly list = iota
	joinsNew
	joinsOld // it takes a change back
	newOnly
)

func (l list) String() string {
	return []string{"the old list", "the old list, joining the new one", "the new list, joining the old one", "the new list"}[l]
}

// single reports whether a list that's not in force any more gets no locks.
func (l list) single() bool { return l == oldOnly || l == newOnly }

// voters returns the voters of a process with a list: its own, and those that it joins.
func (p *Plan) voters(l list) (own, joined []int) {
	if p.Old == nil {
		own = make([]int, p.Nodes)
		for i := range own {
			own[i] = i
		}
		return own, nil
	}
	switch l {
	case oldOnly:
		return p.Old, nil
	case joinsNew:
		return p.Old, p.New
	case joinsOld:
		return p.New, p.Old
	default:
		return p.New, nil
	}
}

// chooseLists makes the run one in which voters are replaced. Its minorities are minorities of either list.
func (p *planner) chooseLists() {
	all := [][2][]int{ // the fewer voters they have in common, the sooner a mistake shows
		{{0, 1, 2}, {3, 4, 5}}, {{0, 1, 2}, {3, 4, 5}}, {{0, 1, 2}, {0, 3, 4}}, {{0, 1, 2}, {0, 3, 4}}, {{0, 1, 2}, {0, 1, 3}}, // of three, all, two and one are replaced
		{{0, 1, 2, 3, 4}, {0, 3, 4, 5, 6}},                                           // two of five
		{{0, 1, 2}, {0, 1, 2, 3, 4}}, {{0, 1, 2, 3, 4}, {2, 3, 4}}, {{0}, {0, 1, 2}}, // more and fewer
	}
	lists := all[p.rand.IntN(len(all))]
	p.Old, p.New = lists[0], lists[1]
	p.Nodes = max(slices.Max(p.Old), slices.Max(p.New)) + 1
	p.Length = p.between(3*MaxTTL, 4*MaxTTL)
	p.forgetting = p.minority()
	p.Wrong, p.InTurns = nil, false
	if !p.Paused {
		p.Wrong = p.minority()
		if p.InTurns = len(p.Old) > 2 && p.rand.IntN(3) == 0; p.InTurns {
			p.Wrong = p.rand.Perm(p.Nodes)
		}
	}
	p.CutOff = nil
	for range p.Clients {
		p.CutOff = append(p.CutOff, p.minority())
	}
}

// minority returns some of the voters, at most a minority of either list.
func (p *planner) minority() []int {
	var chosen []int
	for _, n := range p.rand.Perm(p.Nodes)[:p.rand.IntN(p.Nodes)] {
		if with := append(slices.Clone(chosen), n); p.isMinority(with) {
			chosen = with
		}
	}
	return chosen
}

// isMinority reports whether voters are at most a minority of either list.
func (p *Plan) isMinority(voters []int) bool {
	for _, set := range [][]int{p.Old, p.New} {
		in := 0
		for _, n := range set {
			if slices.Contains(voters, n) {
				in++
			}
		}
		if in > (len(set)-1)/2 {
			return false
		}
	}
	return true
}

// remembers reports whether a voter never loses its memory: a majority of either list doesn't, or it might hear of
// neither.
func (p *Plan) remembers(node int) bool {
	return !p.Forgetful || p.Old != nil && !slices.Contains(p.forgetting, node)
}

// planMembership has clients get other lists, in any order, and some of them change the voters, back and forth. Changes begin, end midway
// with their process or by themselves, are taken up and taken back, and two may be under way at a time.
func (p *planner) planMembership() {
	for range p.Clients {
		p.lists = append(p.lists, []list{oldOnly, oldOnly, joinsNew}[p.rand.IntN(3)])
	}
	begin := p.between(0, MaxTTL)
	for at := begin; at < p.Length; at += p.between(0, 4*MaxTTL) {
		c, by := p.rand.IntN(p.Clients), []list{joinsNew, joinsNew, joinsNew, joinsOld}[p.rand.IntN(4)]
		spell := min(p.between(NodeTimeout, 4*MaxTTL), p.Length-at)
		p.add(at, func(w *world) { w.clients[c].redeploy(by, spell) }, "client %d gets %v, and changes the voters, for %v at the most", c, by, spell)
	}
	for range p.Clients {
		c, at := p.rand.IntN(p.Clients), p.between(begin, p.Length)
		to := []list{oldOnly, joinsNew, joinsOld, newOnly, newOnly, newOnly}[p.rand.IntN(6)]
		p.add(at, func(w *world) { w.clients[c].redeploy(to, 0) }, "client %d gets %v", c, to)
	}
	p.last = []list{oldOnly, newOnly, newOnly}[p.rand.IntN(3)]
}

// tellVoters makes the voters remember the old list. Those of the new one have heard of it from programs that join both.
func (w *world) tellVoters() error {
	if w.plan.Old == nil {
		return nil
	}
	names := make([]string, len(w.plan.Old))
	for i, n := range w.plan.Old {
		names[i] = w.quorum.Node(n).Addr()
	}
	known := member.Known{Set: member.NewSet(names), Generation: 1}
	for _, c := range w.quorum.Member("installer").Clients() {
		if err := c.HSet(context.Background(), "redlock:voter", "voters", known.String()).Err(); err != nil {
			return fmt.Errorf("sim: %w", err)
		}
	}
	return nil
}

// redeploy ends the process. The next one has another list, and changes the voters if spell isn't 0.
func (c *client) redeploy(l list, spell time.Duration) {
	c.mu.Lock()
	c.list, c.operates = l, spell
	c.mu.Unlock()
	c.kill()
}

// enlist returns the clients and the options for the process's list, and numbers the locker's voters. It's called with mu.
func (c *client) enlist() (own []redis.UniversalClient, opts []redlock.Option) {
	mine, joined := c.world.plan.voters(c.list)
	all := c.member.Clients()
	pick := func(nodes []int) (clients []redis.UniversalClient) {
		for _, n := range nodes {
			clients = append(clients, all[n])
		}
		return clients
	}
	c.voters = slices.Clone(mine)
	for _, n := range joined {
		if !slices.Contains(c.voters, n) {
			c.voters = append(c.voters, n)
		}
	}
	if joined != nil {
		opts = append(opts, redlock.JoiningNodes(pick(joined)...))
	}
	return pick(mine), opts
}

// change makes the process change the voters, beside all else that it does. It's called with mu.
func (c *client) change(most time.Duration) {
	ctx, cancel := context.WithTimeout(c.alive, most)
	name, locker := c.name, c.locker
	go func() { // Close waits for the change
		defer cancel()
		err := locker.Change(ctx, redlock.EvenIfUnprepared())
		time.Sleep(time.Microsecond) // after what else the process's end has ended in this instant
		c.world.history.changedVoters(name, err)
	}()
}

func (h *history) changedVoters(client string, err error) {
	h.note("client %s: changed the voters: %s", client, reason(err))
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.report.Changes++
	}
}

// changeMost is how long a change may take where all voters answer: the longest TTL passes, and what is on its way from
// before may make it begin again.
const changeMost = 3 * MaxTTL

// completeChange has somebody complete a change, this way or that, now that all voters answer, and restarts who has the other list alone.
func (w *world) completeChange() {
	if w.plan.Old == nil {
		return
	}
	operator := newClient(w, len(w.clients))
	w.clients = append(w.clients, operator)
	ctx, cancel := context.WithTimeout(operator.alive, changeMost)
	defer cancel()
	err := operator.locker.Change(ctx, redlock.EvenIfUnprepared())
	w.history.changedVoters(operator.name, err)
	if err != nil {
		w.history.mu.Lock()
		w.history.violation("change: client %s can't change the voters within %v after the faults: %v", operator.name, changeMost, err)
		w.history.mu.Unlock()
	}
	for _, c := range w.clients {
		if c.list.single() && c.list != w.plan.last {
			c.restart(w.plan.last)
		}
	}
}

// endChange gives the list that's in force to all clients that still join both.
func (w *world) endChange() {
	for _, c := range w.clients {
		if w.plan.Old != nil && c.list != w.plan.last {
			c.restart(w.plan.last)
		}
	}
}

// restart ends the process in an orderly way, and begins the next one.
func (c *client) restart(l list) {
	c.shutDown()
	c.mu.Lock()
	c.list, c.operates = l, 0
	c.mu.Unlock()
	c.start()
}

// firstList is the list that a client has at first: those that the plan doesn't know come when the faults have ended.
func (w *world) firstList(index int) list {
	switch {
	case index < len(w.plan.lists):
		return w.plan.lists[index]
	case index > len(w.plan.lists) || w.plan.Old == nil:
		return w.plan.last
	case w.plan.last == oldOnly: // the one that completes the change
		return joinsOld
	}
	return joinsNew
}

// changesMembership reports whether a seed is one of those that change the list of voters.
func changesMembership(seed uint64) bool {
	return rand.New(rand.NewPCG(seed, 2)).IntN(membershipEvery) == 0
}
