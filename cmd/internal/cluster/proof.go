package cluster

import (
	"time"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/cmd/internal/effect"
)

// seen completes a proof with what was observed before and is observed now.
func seen(p effect.Proof, before, after string) effect.Proof {
	p.Before, p.After, p.Seen = before, after, hostNow()
	return p
}

// isRestart tells whether a server was started anew: it has drawn another run id, and has forgotten
// everything if it was to.
func isRestart(before, after string, forgetful bool, keys int64) bool {
	return after != before && !(forgetful && keys > 0)
}

// isFailover tells whether another server is there now, and is nobody's replica.
func isFailover(before, after, role string) bool { return after != before && role == "master" }

// missesWrites tells by its link to the primary whether a replica will miss what is written there.
func missesWrites(link string) bool { return link == "down" }

// isEviction tells by two readings of evicted_keys whether there was one between.
func isEviction(before, after int64) bool { return after > before }

// hostNow reads the clock of Began and Seen.
func hostNow() time.Duration { return clockdrift.System().Now() }
