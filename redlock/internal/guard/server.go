package guard

import (
	"maps"
	"time"
)

// ServerID tells server processes apart: the first 48 bits of the run id. It's 0 where that isn't hexadecimal,
// which no server is known to do.
type ServerID int64

// sighting is which voter a server answered last, and when.
type sighting struct {
	voter int
	at    time.Duration
}

// Answered notes that a server has answered a voter. It returns the other voter that the server answered
// so short a time ago that both answers could be votes for one lock, or tell one moment's time. The
// addresses of voters may come to lead to one server at any time: by DNS, a failover, a virtual IP. When they
// lead to two again, the next answers say so.
func (g *Guard) Answered(voter int, id ServerID) (other int, twice bool) {
	if id == 0 {
		return 0, false
	}
	// Until no lock counts any more that the answer was a vote for, and its time isn't one of the present moment.
	distinct := max(g.MaxTTL, g.Together)
	now := g.Clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	last, known := g.servers[id]
	if known && last.voter != voter && now-last.at <= distinct {
		return last.voter, true
	}
	if !known { // a process that has just begun, so there may be some that have ended
		maps.DeleteFunc(g.servers, func(_ ServerID, s sighting) bool { return now-s.at > distinct })
	}
	g.servers[id] = sighting{voter, now}
	return 0, false
}
