package redlock

import (
	"fmt"
	"maps"
	"time"
)

// serverID tells server processes apart: the first 48 bits of the run id. It's 0 where that isn't hexadecimal,
// which no server is known to do.
type serverID int64

// sighting is which voter a server answered last, and when.
type sighting struct {
	voter int
	at    time.Duration
}

// sameServer begins what is said of a voter whose address leads to another one's server.
const sameServer = "SAMESERVER"

// answered notes that a server has answered a voter. It returns an error where the server has answered
// another voter so short a time ago that both answers could be votes for one lock, or tell one moment's time. The
// addresses of voters may come to lead to one server at any time: by DNS, a failover, a virtual IP. When they
// lead to two again, the next answers say so.
func (g *guard) answered(voter int, id serverID) error {
	if id == 0 {
		return nil
	}
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	last, known := g.servers[id]
	if known && last.voter != voter && now-last.at <= g.distinct {
		return serverReply(fmt.Sprintf("%s %s and %s lead to the server with the run id %012x…", sameServer, g.nodes[last.voter], g.nodes[voter], int64(id)))
	}
	if !known { // a process that has just begun, so there may be some that have ended
		maps.DeleteFunc(g.servers, func(_ serverID, s sighting) bool { return now-s.at > g.distinct })
	}
	g.servers[id] = sighting{voter, now}
	return nil
}
