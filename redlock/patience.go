package redlock

import (
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
)

// The first exchange with a server takes several round trips: for the connection, for TLS, the password and the
// database, and for each script that the server doesn't know. So does the first after a silence in which the connection was
// given up. The node time-out is meant for one round trip. Where a majority can't be had in so few, it's longer.

// familiarity is what a session has behind it with its server. It is safe for concurrent use.
type familiarity struct {
	mu  sync.Mutex
	at  time.Time        // of the last exchange; zero if that failed
	ops [operations]bool // which operations the server has carried out since
}

// note takes in an exchange.
func (f *familiarity) note(requests []*request, answers []quorum.Answer[reply]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = time.Now()
	for i, a := range answers {
		if _, replied := serverText(a.Err); a.Err != nil && !replied {
			f.at, f.ops = time.Time{}, [operations]bool{}
			return
		}
		f.ops[requests[i].op] = a.Err == nil
	}
}

// covers reports whether one round trip is likely to do for an operation now, on a client that gives up connections which
// were idle for the given time.
func (f *familiarity) covers(op operation, now time.Time, idle time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops[op] && now.Sub(f.at) < idle
}

// idleLimit returns for how long a client's connections are sure to be used again.
func idleLimit(client redis.UniversalClient) time.Duration {
	limit := time.Duration(0)
	switch c := client.(type) {
	case *redis.Client:
		limit = c.Options().ConnMaxIdleTime
	case *redis.ClusterClient:
		limit = c.Options().ConnMaxIdleTime
	}
	if limit <= 0 || limit > connMaxIdleTime {
		limit = connMaxIdleTime // servers and middleboxes end connections, too
	}
	return limit / 2 // a pool's connections aren't all of the same age
}

// patience returns how long to wait for the voters' answers to an operation: the node time-out, or an exchange's where too
// few of the voters that are likely to answer can do so in one round trip.
func (l *Locker) patience(op operation, key uint64) time.Duration {
	now := time.Now()
	speaks := func(voter int) bool { return !l.voters[voter].silent.Load() }
	familiar := func(voter int) bool {
		v := l.voters[voter]
		return speaks(voter) && v.sessions[key%uint64(len(v.sessions))].known.covers(op, now, v.idle)
	}
	if e := l.electorate(); !e.Majority(familiar) && e.Majority(speaks) {
		return exchangeTimeout(l.options.nodeTimeout)
	}
	return l.options.nodeTimeout
}
