package sim

import (
	"time"

	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// anyFault adds one fault. Those that need company to do harm are the likelier ones. The world
// ends whatever still lasts when the plan's time is up.
func (p *planner) anyFault(at time.Duration) {
	kinds := []func(time.Duration){
		p.linkFault, p.linkFault, p.linkFault, p.partition, p.loss, p.loss, p.slow, p.linger, p.linger, p.reset,
		p.pause, p.crash, p.flush, p.kill, p.slowStart, p.slowStart, p.stop, p.stop, p.stop, p.stop,
	}
	kinds[p.rand.IntN(len(kinds))](at)
}

func (p *planner) link() (client, node int) { return p.rand.IntN(p.Clients), p.rand.IntN(p.Nodes) }

// linkFault stops one link, in one direction or both.
func (p *planner) linkFault(at time.Duration) {
	ways := []struct {
		name string
		do   func(*redlocktest.Link)
	}{
		{"cut", (*redlocktest.Link).Cut},
		{"cut requests", (*redlocktest.Link).CutRequests},
		{"cut replies", (*redlocktest.Link).CutReplies},
		{"hold requests", (*redlocktest.Link).HoldRequests},
		{"hold replies", (*redlocktest.Link).HoldReplies},
	}
	way := ways[p.rand.IntN(len(ways))]
	c, n := p.link()
	p.stopLinks(at, p.spell(), way.name, way.do, c, []int{n})
}

// partition cuts a client off from some of the voters, or all of them.
func (p *planner) partition(at time.Duration) {
	nodes := p.rand.Perm(p.Nodes)[:1+p.rand.IntN(p.Nodes)]
	p.stopLinks(at, p.spell(), "partition", (*redlocktest.Link).Cut, p.rand.IntN(p.Clients), nodes)
}

func (p *planner) stopLinks(at, spell time.Duration, what string, do func(*redlocktest.Link), client int, nodes []int) {
	var links []*redlocktest.Link // of the process that lives when the fault begins
	p.add(at, func(w *world) {
		for _, n := range nodes {
			links = append(links, w.clients[client].machine().Link(n))
		}
		forEach(links, do)
	}, "%s: client %d, voters %v", what, client, nodes)
	p.add(at+spell, func(*world) { forEach(links, heal) }, "end %s: client %d, voters %v", what, client, nodes)
}

func forEach(links []*redlocktest.Link, do func(*redlocktest.Link)) {
	for _, l := range links {
		do(l)
	}
}

func heal(l *redlocktest.Link) {
	l.Heal()
	l.Release()
}

// loss loses one or two messages.
func (p *planner) loss(at time.Duration) {
	c, n := p.link()
	count, replies := 1+p.rand.IntN(2), p.rand.IntN(2) == 0
	p.add(at, func(w *world) {
		if replies {
			w.clients[c].machine().Link(n).DropReplies(count)
		} else {
			w.clients[c].machine().Link(n).DropRequests(count)
		}
	}, "lose %d messages: client %d, voter %d, replies %t", count, c, n, replies)
}

// slow delays the messages of a link by up to twice the node time-out.
func (p *planner) slow(at time.Duration) {
	c, n := p.link()
	request, reply := p.between(0, 2*NodeTimeout), p.between(0, 2*NodeTimeout)
	var link *redlocktest.Link
	p.add(at, func(w *world) {
		link = w.clients[c].machine().Link(n)
		link.Delay(request, reply)
	}, "delay by %v and %v: client %d, voter %d", request, reply, c, n)
	p.add(at+p.spell(), func(*world) { link.Delay(0, 0) }, "end delay: client %d, voter %d", c, n)
}

// linger lets what a link carries for a while arrive long after the locks that it was about.
func (p *planner) linger(at time.Duration) {
	c, n := p.link()
	request, reply := p.between(NodeTimeout, Linger), time.Duration(0)
	if p.rand.IntN(4) == 0 { // within the lives of locks
		request = p.between(NodeTimeout, 2*MaxTTL)
	}
	if p.rand.IntN(4) == 0 {
		request, reply = 0, request
	}
	p.lingering = max(p.lingering, request)
	var link *redlocktest.Link
	p.add(at, func(w *world) {
		link = w.clients[c].machine().Link(n)
		link.Delay(request, reply)
	}, "linger for %v and %v: client %d, voter %d", request, reply, c, n)
	p.add(at+p.spell(), func(*world) { link.Delay(0, 0) }, "end lingering: client %d, voter %d", c, n)
}

func (p *planner) reset(at time.Duration) {
	c, n := p.link()
	p.add(at, func(w *world) { w.clients[c].machine().Link(n).Reset() }, "reset connections: client %d, voter %d", c, n)
}

// pause stops voters as SIGSTOP does.
func (p *planner) pause(at time.Duration) {
	end := at + p.spell()
	for _, n := range p.rand.Perm(p.Nodes)[:1+p.rand.IntN(min(2, p.Nodes))] {
		p.add(at, func(w *world) { w.quorum.Node(n).Pause() }, "pause voter %d", n)
		p.add(end+p.between(0, time.Millisecond), func(w *world) { w.quorum.Node(n).Resume() }, "resume voter %d", n)
	}
}

// crash kills voters. They come back with their memory, or, if they are forgetful, without it.
func (p *planner) crash(at time.Duration) {
	end := at + p.spell()
	for _, n := range p.rand.Perm(p.Nodes)[:1+p.rand.IntN(min(2, p.Nodes))] {
		keep := !p.Forgetful || p.rand.IntN(3) == 0
		p.add(at, func(w *world) { w.crash(n) }, "crash voter %d", n)
		p.add(end+p.between(0, time.Millisecond), func(w *world) { w.restart(n, keep) }, "restart voter %d, memory %t", n, keep)
	}
}

func (p *planner) flush(at time.Duration) {
	if !p.Forgetful {
		return
	}
	for _, n := range p.rand.Perm(p.Nodes)[:1+p.rand.IntN(p.Nodes)] {
		p.add(at+p.between(0, time.Millisecond), func(w *world) { w.flush(n) }, "flush voter %d", n)
	}
}

// stop stops all clients for a while, in the midst of whatever they do. When they go on, their
// clocks and the voters' have moved, but no timer has noticed: that's what a stopped process
// finds, and the only way to stop one whose timers belong to the runtime.
func (p *planner) stop(at time.Duration) {
	if !p.Stopping {
		return
	}
	d := p.between(time.Millisecond, 2*MaxTTL)
	if p.rand.IntN(2) == 0 { // many locks live on
		d /= 4
	}
	if p.rand.IntN(2) == 0 { // in the midst of calls: the replies are there when they go on
		begin := max(at-NodeTimeout*9/10, 0)
		for c := range p.Clients {
			p.stopLinks(begin, at+time.Millisecond-begin, "hold replies", (*redlocktest.Link).HoldReplies, c, p.rand.Perm(p.Nodes))
		}
	}
	p.add(at, func(w *world) { w.stop(d) }, "stop all clients for %v", d)
}

// planPauses pauses the machines of single clients. A shorter pause than this could be the errors of right
// clocks, and what little is known of them right after a silence.
func (p *planner) planPauses() {
	const least = 4*MaxClockError + 2*exchange
	for range 4 {
		c, d := p.rand.IntN(p.Clients), p.between(least, 2*MaxTTL)
		if at := p.moment(); p.Paused {
			p.add(at, func(w *world) { w.pause(w.clients[c], d) }, "the hypervisor pauses client %d for %v", c, d)
		}
	}
}

// kill ends a client's process. What it has sent is still delivered; another process takes
// its place and knows nothing.
func (p *planner) kill(at time.Duration) {
	c := p.rand.IntN(p.Clients)
	p.add(at, func(w *world) { w.clients[c].kill() }, "kill client %d", c)
}

// slowStart replaces a client's process by one whose exchanges take long at first, up to twice
// as long as a voter's answer counts: all that it learns of the clocks is vague.
func (p *planner) slowStart(at time.Duration) {
	c, each := p.rand.IntN(p.Clients), p.between(NodeTimeout/4, exchange/2)
	p.add(at, func(w *world) { w.clients[c].replace(each) }, "kill client %d, the next one is slower by %v either way", c, each)
	p.add(at+p.spell(), func(w *world) { w.clients[c].slowDown(0) }, "client %d is no longer slow", c)
}
