package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/internal/member"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// membershipEvery is how many seeds there are to one that changes the list of voters. The others keep theirs, so that the
// other faults are as dense as ever.
const membershipEvery = 16

// list is which voters a process goes by: one of the plan's lists, and one that it joins, which is the same one where it joins none.
type list struct{ own, joins int }

func alone(i int) list { return list{i, i} }

func (l list) String() string {
	if l.single() {
		return fmt.Sprintf("list %d", l.own)
	}
	return fmt.Sprintf("list %d, joining list %d", l.own, l.joins)
}

// single reports whether a process gets no locks while its list isn't in force.
func (l list) single() bool { return l.own == l.joins }

func (l list) back() list { return list{l.joins, l.own} }

// voters returns the voters of a process with a list: its own, and those that it joins.
func (p *Plan) voters(l list) (own, joined []int) {
	switch {
	case p.Lists == nil:
		own = make([]int, p.Nodes)
		for i := range own {
			own[i] = i
		}
		return own, nil
	case l.single():
		return p.Lists[l.own], nil
	}
	return p.Lists[l.own], p.Lists[l.joins]
}

// chooseLists makes the run one in which voters are replaced. Its minorities are minorities of each list.
func (p *planner) chooseLists() {
	all := [][][]int{ // the fewer voters they have in common, the sooner a mistake shows
		{{0, 1, 2}, {3, 4, 5}, {0, 1, 3}}, {{0, 1, 2}, {3, 4, 5}, {0, 4, 5}}, // of three, all are replaced first
		{{0, 1, 2}, {0, 3, 4}, {1, 2, 3}}, {{0, 1, 2}, {0, 1, 3}, {0, 2, 4}},
		{{0, 1, 2, 3, 4}, {0, 3, 4, 5, 6}, {1, 2, 3, 5, 6}},
		{{0, 1, 2}, {0, 1, 2, 3, 4}, {2, 3, 4}}, {{0}, {0, 1, 2}, {2}}, // more and fewer
	}
	p.Lists = all[p.rand.IntN(len(all))]
	p.Nodes = 0
	for _, l := range p.Lists {
		p.Nodes = max(p.Nodes, slices.Max(l)+1)
	}
	p.Names = append(p.Names[:1:1], seasonal...)
	p.Wrong, p.InTurns = nil, false
	if !p.Paused {
		p.Wrong = p.minority()
		if p.InTurns = len(p.Lists[0]) > 2 && p.rand.IntN(3) == 0; p.InTurns {
			p.Wrong = p.rand.Perm(p.Nodes)
		}
	}
	p.CutOff = nil
	for range p.Clients {
		p.CutOff = append(p.CutOff, p.minority())
	}
}

// seasonal are names that nobody wants for a while: what voters have forgotten of them, nobody has told them since.
var seasonal = []string{"spring", "summer", "autumn"}

const season = 3 * MaxTTL / 2

// anyName returns the name of a lock that a client wants.
func (c *client) anyName() string {
	names := c.world.plan.Names
	if c.world.plan.Lists == nil {
		return names[c.rand.IntN(len(names))]
	}
	if c.rand.IntN(2) == 0 {
		return names[0]
	}
	return names[1+int(c.world.history.now()/season)%(len(names)-1)]
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

// isMinority reports whether voters are at most a minority of each list.
func (p *Plan) isMinority(voters []int) bool {
	for _, set := range p.Lists {
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

// planMembership has the voters changed again and again: back and forth between two lists, or onward from one to the next. Changes begin,
// end midway with their process or by themselves, and are taken up by others. Two that lead different ways may be under way at a time.
// Clients get the lists in any order.
func (p *planner) planMembership() {
	onward := p.rand.IntN(2) == 0
	for range p.Clients {
		p.lists = append(p.lists, []list{alone(0), alone(0), {0, 1}}[p.rand.IntN(3)])
	}
	at := p.between(0, MaxTTL)
	changes := 2 + p.rand.IntN(3)
	p.Length = math.MaxInt64 // for now: nothing is left out
	for i := range changes {
		next := list{i % 2, 1 - i%2}
		if onward {
			next = list{i % 3, (i + 1) % 3}
		}
		at = p.planChange(at, next, onward)
	}
	p.Length = at
	p.events = slices.DeleteFunc(p.events, func(e event) bool { return e.at >= at })
	p.planForgetting()
}

// planChange has somebody change the voters, and the clients follow. It returns when the next change begins.
func (p *planner) planChange(at time.Duration, by list, onward bool) time.Duration {
	end := at + p.between(MaxTTL, 3*MaxTTL)
	for spell := time.Duration(0); at < end; at += spell + p.between(0, MaxTTL/2) {
		c := p.rand.IntN(p.Clients)
		if spell = p.between(NodeTimeout, 2*MaxTTL); p.rand.IntN(2) == 0 {
			spell = 2 * MaxTTL
		}
		by := by
		if !onward && p.rand.IntN(6) == 0 {
			by = by.back()
		}
		p.add(at, func(w *world) { w.clients[c].redeploy(by, spell) }, "client %d gets %v, and changes the voters, for %v at the most", c, by, spell)
		others := []list{by, by, by.back(), alone(by.own), alone(by.joins), alone(by.joins)}
		for range 2 {
			c, to := p.rand.IntN(p.Clients), others[p.rand.IntN(len(others))]
			p.add(p.between(at, end+MaxTTL), func(w *world) { w.clients[c].redeploy(to, 0) }, "client %d gets %v", c, to)
		}
	}
	return max(at, end)
}

// planForgetting has one voter after the other forget, as fast as the others can tell them what they knew.
func (p *planner) planForgetting() {
	if !p.Forgetful || p.rand.IntN(4) == 0 {
		return
	}
	order := p.rand.Perm(p.Nodes)
	at := p.between(0, MaxTTL)
	for i := 0; at < p.Length; i++ {
		n := order[i%p.Nodes]
		p.add(at, func(w *world) { w.flush(n) }, "flush voter %d", n)
		at += p.between(MaxTTL/4, 3*MaxTTL/2)
	}
}

// mayForget reports whether a voter may lose its memory now. Where voters are replaced, only a minority of each list may have
// forgotten for whom it votes, and not been told again, or lockers might reach nobody who remembers: see docs/safety.md.
func (w *world) mayForget(voter int) bool {
	if w.plan.Lists == nil {
		return true
	}
	unaware := []int{voter}
	for i, n := range w.quorum.Nodes() {
		if i != voter && !w.knows(n).Decided() {
			unaware = append(unaware, i)
		}
	}
	if w.plan.isMinority(unaware) {
		return true
	}
	w.history.note("voter %d doesn't forget: others haven't been told yet", voter)
	return false
}

// knows returns what a voter knows of the list that's in force.
func (w *world) knows(n *redlocktest.Node) member.Known {
	text, _ := n.HGet(marker, "voters")
	run, _ := n.HGet(marker, "run")
	if !n.Running() || (run != n.RunID() && run != "" && !w.plan.Durable) {
		return member.Known{} // it's enrolled anew, and forgets
	}
	known, err := member.Parse(text)
	if err != nil {
		w.history.flag("list: %v", err)
	}
	return known
}

const marker = "redlock:voter"

// set is how voters know a list.
func (w *world) set(l int) member.Set {
	var names []string
	for _, n := range w.plan.Lists[l] {
		names = append(names, w.quorum.Node(n).Addr())
	}
	return member.NewSet(names)
}

// tellVoters makes the voters remember the first list. Those of the others have heard of it from programs that join both.
func (w *world) tellVoters() error {
	if w.plan.Lists == nil {
		return nil
	}
	known := member.Known{Set: w.set(0), Generation: 1}
	for _, c := range w.quorum.Member("installer").Clients() {
		if err := c.HSet(context.Background(), marker, "voters", known.String()).Err(); err != nil {
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
		for errors.Is(err, redlock.ErrMembership) { // the change before may go on, and its voters be told of it
			select {
			case <-time.After(MaxTTL / 8):
				err = locker.Change(ctx, redlock.EvenIfUnprepared())
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
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

// completeChange has somebody complete the last change, now that all voters answer, and restarts who has other lists.
func (w *world) completeChange() {
	if w.plan.Lists == nil {
		return
	}
	var latest member.Known
	for i, n := range w.quorum.Nodes() {
		k := w.knows(n)
		w.history.note("voter %d votes for %v", i, k)
		if k.Generation > latest.Generation || k.Generation == latest.Generation && latest.Changing() {
			latest = k
		}
	}
	by := list{}
	for i := range w.plan.Lists {
		switch w.set(i).ID {
		case latest.ID:
			by.joins = i
		case latest.Replaces:
			by.own = i
		}
	}
	if !latest.Changing() {
		by.own = (by.joins + 1) % len(w.plan.Lists)
	}
	if w.plan.Seed%2 == 0 { // it's taken back, or it's another one
		by = by.back()
	}
	w.last = by.joins
	w.history.note("the voters are changed for the last time, by %v", by)
	w.complete(by)
	for _, c := range w.clients {
		if c.list != alone(w.last) && c.list != by && c.list != by.back() {
			c.restart(alone(w.last))
		}
	}
}

func (w *world) complete(by list) {
	w.next = by
	operator := newClient(w, len(w.clients))
	w.next = alone(w.last)
	w.clients = append(w.clients, operator)
	ctx, cancel := context.WithTimeout(operator.alive, changeMost)
	defer cancel()
	err := operator.locker.Change(ctx, redlock.EvenIfUnprepared())
	for errors.Is(err, redlock.ErrMembership) && ctx.Err() == nil { // voters of a list before are told by its lockers
		operator.snatch(w.plan.Names[0])
		time.Sleep(NodeTimeout)
		err = operator.locker.Change(ctx, redlock.EvenIfUnprepared())
	}
	w.history.changedVoters(operator.name, err)
	if err != nil {
		w.history.flag("change: client %s can't change the voters within %v after the faults: %v", operator.name, changeMost, err)
	}
}

// endChange gives the list that's in force to all clients that still join two.
func (w *world) endChange() {
	for _, c := range w.clients {
		if w.plan.Lists != nil && c.list != alone(w.last) {
			c.restart(alone(w.last))
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

// firstList is the list that a client has at first.
func (w *world) firstList(index int) list {
	if index < len(w.plan.lists) {
		return w.plan.lists[index]
	}
	return w.next
}

// changesMembership reports whether a seed is one of those that change the list of voters.
func changesMembership(seed uint64) bool {
	return rand.New(rand.NewPCG(seed, 2)).IntN(membershipEvery) == 0
}
