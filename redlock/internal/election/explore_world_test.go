package election

import "math/bits"

const (
	mostVoters  = 4
	mostClients = 3
)

// phase is how far an attempt has come.
type phase uint8

const (
	idle phase = iota
	asking
	confirming
	done
	hopeless // all voters have answered, and yet it's undecided
)

// modelClient is one attempt. A process that takes the lock twice is two of them.
type modelClient struct {
	phase phase
	// before are the clients that were done when this one started. Sets of clients and of
	// voters are bits.
	before uint8
	// asked are the voters at which the request for a grant is spent.
	asked uint8
	// heard are the voters whose replies have arrived; only the plain explorer keeps them.
	heard uint8
	// token is the value to be confirmed while confirming, and then the fencing token.
	token int64
	// granted are, while asking, the values in the replies of the voters; 0 for none.
	granted [mostVoters]int64
	// confirmed are, while confirming, the voters that have confirmed.
	confirmed uint8
}

// world is a state of the whole system. Only the order of the values in it matters.
type world struct {
	voters  [mostVoters]modelVoter
	clients [mostClients]modelClient
}

// packed is a world in 32 nibbles: all of it, so that no two worlds are ever taken for one.
type packed [2]uint64

// pack replaces each value by its rank among those that still occur, 1 for the lowest. So a
// finite number of states stands for all integers.
func (e *explorer) pack(w *world) packed {
	var p packed
	n := 0
	put := func(nibble uint8) {
		p[n/16] |= uint64(nibble) << (n % 16 * 4)
		n++
	}
	ranks := rankValues(w)
	for i := range w.voters[:e.voters] {
		v := &w.voters[i]
		put(v.owner)
		put(ranks.of(v.register))
		if e.forgetful {
			put(ranks.of(v.lost))
		}
	}
	for i := range w.clients[:e.clients] {
		c := &w.clients[i]
		put(uint8(c.phase))
		put(c.before)
		put(c.asked)
		put(c.heard)
		put(ranks.of(c.token))
		if c.phase == confirming {
			put(c.confirmed)
			n += e.voters - 1
			continue
		}
		for _, value := range c.granted[:e.voters] {
			put(ranks.of(value))
		}
	}
	return p
}

// unpack returns the world with its values doubled: between any two there's room for a new one.
func (e *explorer) unpack(p packed) world {
	var w world
	n := 0
	get := func() uint8 {
		nibble := uint8(p[n/16] >> (n % 16 * 4) & 15)
		n++
		return nibble
	}
	for i := range w.voters[:e.voters] {
		v := &w.voters[i]
		v.owner = get()
		v.register = 2 * int64(get())
		if e.forgetful {
			v.lost = 2 * int64(get())
		}
	}
	for i := range w.clients[:e.clients] {
		c := &w.clients[i]
		c.phase = phase(get())
		c.before = get()
		c.asked = get()
		c.heard = get()
		c.token = 2 * int64(get())
		if c.phase == confirming {
			c.confirmed = get()
			n += e.voters - 1
			continue
		}
		for voter := range e.voters {
			c.granted[voter] = 2 * int64(get())
		}
	}
	return w
}

// ranking is the set of the values in a world, as bits. A state has at most 15 of them besides
// 0, and a step adds one, so all are below 64 even when doubled.
type ranking uint64

func rankValues(w *world) ranking {
	r := ranking(1) // 0 stands for none, and keeps its place
	for i := range w.voters {
		r |= 1<<w.voters[i].register | 1<<w.voters[i].lost
	}
	for i := range w.clients {
		c := &w.clients[i]
		r |= 1 << c.token
		for _, value := range c.granted {
			r |= 1 << value
		}
	}
	return r
}

func (r ranking) of(value int64) uint8 {
	rank := bits.OnesCount64(uint64(r)&(2<<value-1)) - 1
	if rank > 15 {
		panic("redlock: a state has more values than fit into nibbles; explore fewer voters or clients")
	}
	return uint8(rank)
}

func (r ranking) highest() int64 { return int64(bits.Len64(uint64(r))) - 1 }
