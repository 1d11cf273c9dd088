package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const publish = "PUBLISH"

// forWaiting are the commands that only those need who wait for a lock; taking and releasing works without them.
var forWaiting = []string{publish, "ZADD", "ZRANGE", "ZREVRANGE", "ZRANK", "ZREM", "ZREMRANGEBYSCORE"}

// judgeCommands reports what the probe script was refused.
func judgeCommands(e *examination, v *voter) []verdict {
	switch {
	case v.probeErr != nil && ofCluster(v.probeErr):
		return nil // the locks meet it, too
	case v.probeErr != nil:
		return []verdict{{Error, "refuses scripts: " + v.probeErr.Error(), probeAdvice(e, v, v.probeErr.Error(), "+eval +evalsha")}}
	}
	var verdicts []verdict
	for _, r := range v.refused {
		if strings.HasPrefix(r.message, "WRONGTYPE") {
			continue // the marker isn't one, as judgeMarker says
		}
		level, found := Error, r.command+" is refused: "+r.message
		rights := "+" + strings.ToLower(r.command)
		switch {
		case slices.Contains(forWaiting, r.command):
			level, found = Note, found+"; those who wait for a lock hear of its release only later"
		case r.command == "EXISTS": // the scripts do without, and ask for each key
			level, found = Note, found+"; locks work, and cost the server more"
		}
		if r.command == publish {
			rights += " &*"
		}
		verdicts = append(verdicts, verdict{level, found, probeAdvice(e, v, r.message, rights)})
	}
	if verdicts == nil {
		return []verdict{{OK, "scripts may run all commands that locks need", ""}}
	}
	return verdicts
}

// ofCluster reports whether a server refused keys for where its cluster has them.
func ofCluster(err error) bool {
	return slices.ContainsFunc([]string{"CROSSSLOT", "MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN"}, func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
}

// judgeLock reports why no lock can be taken, unless that's a command that's refused.
func judgeLock(e *examination, v *voter) []verdict {
	refused := slices.ContainsFunc(judgeCommands(e, v), func(v verdict) bool { return v.level == Error })
	switch {
	case refused:
		return nil
	case v.lockErr == nil && e.config.Prefix == "":
		return []verdict{{OK, "locks can be taken, extended and released", ""}}
	case v.lockErr == nil:
		return []verdict{{OK, fmt.Sprintf("locks whose names begin with %q can be taken, extended and released", e.config.Prefix), ""}}
	}
	return []verdict{{Error, "no lock can be had: " + v.lockErr.Error(), ""}}
}

// probeAdvice tells lack of rights from the other reasons for a refusal.
func probeAdvice(e *examination, v *voter, message, rights string) string {
	says := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(message, text) })
	}
	switch { // Redis 6.0 to 8.0 and Valkey
	case says("keys used as arguments", "one of the keys mentioned", "access a key"):
		return e.aclRule(v) + "; or, if it may touch those of locks with other names, say with --prefix what these begin with"
	case says("NOPERM", "The user executing the script", "ACL failure in script"):
		return aclAdvice(v, rights)
	case strings.Contains(strings.ToLower(message), "unknown"):
		return "remove its rename-command from redis.conf"
	case says("OOM "):
		return "free memory, or CONFIG SET maxmemory to more"
	case says("MISCONF"):
		return "see in the server's log why it can't write to disk"
	}
	return ""
}

// quarantine is how long a voter waits that may have forgotten locks of up to longest.
func quarantine(longest time.Duration) time.Duration { return longest + 2*maxClockError(longest) }

// judgeMarker says whether the node may vote at once. Package redlock lets it wait after a
// restart, since it may have forgotten locks.
func judgeMarker(e *examination, v *voter) []verdict {
	m := v.marker
	switch {
	case v.markerErr != nil && strings.HasPrefix(v.markerErr.Error(), "NOPERM"):
		return []verdict{{Error, "can't read " + markerKey + ", and so can't enrol: " + v.markerErr.Error(),
			aclAdvice(v, "~"+markerKey+" +hmget +hset +del")}}
	case v.markerErr != nil:
		return []verdict{{Error, markerKey + " isn't a marker of package redlock: " + v.markerErr.Error(),
			"DEL " + markerKey + ", if nothing else needs it"}}
	case !m.known:
		return []verdict{{Note, fmt.Sprintf("not enrolled yet: from the first attempt on it waits for %v before it votes: MaxTTL and twice the largest clock error", quarantine(e.config.TTL)), ""}}
	case v.info["run_id"] != "" && m.runID != v.info["run_id"]:
		return []verdict{{Note, fmt.Sprintf("restarted since it was enrolled: from the next attempt on it waits for %v before it votes, MaxTTL and twice the largest clock error, unless WithDurableNodes", quarantine(max(m.longest, e.config.TTL))), ""}}
	case m.until.IsZero():
		return []verdict{{Note, fmt.Sprintf("enrolled, and nobody has told it from when on it votes: from the next attempt on it waits for %v: MaxTTL and twice the largest clock error", quarantine(max(m.longest, e.config.TTL))), ""}}
	}
	return judgeEnrolled(e, m)
}

func judgeEnrolled(e *examination, m marker) []verdict {
	var verdicts []verdict
	if left := m.until.Sub(m.now); left > 0 {
		// In whole seconds, rounded up, so that nodes enrolled at the same time share a line.
		left = (left + time.Second - 1).Truncate(time.Second)
		verdicts = append(verdicts, verdict{Note, fmt.Sprintf("enrolled, but waits for up to %v more before it votes", left), ""})
	}
	if m.longest > e.config.TTL {
		verdicts = append(verdicts, verdict{Note, fmt.Sprintf("it granted locks of up to %v: after a restart the node waits that long", m.longest), ""})
	}
	if verdicts == nil {
		return []verdict{{OK, "enrolled, and votes", ""}}
	}
	return verdicts
}
