package doctor

import (
	"fmt"
	"strings"
	"time"
)

// publish only wakes those who wait for a lock; releasing works without it.
const publish = "PUBLISH"

// judgeCommands reports what the probe script was refused.
func judgeCommands(_ *examination, v *voter) []verdict {
	if v.probeErr != nil {
		return []verdict{{Error, "refuses scripts: " + v.probeErr.Error(), probeAdvice(v, v.probeErr.Error(), "+eval +evalsha")}}
	}
	var verdicts []verdict
	for _, r := range v.refused {
		level, found := Error, r.command+" is refused: "+r.message
		rights := "+" + strings.ToLower(r.command)
		if r.command == publish {
			level, found = Note, found+"; those who wait for a lock hear of its release only later"
			rights += " &*"
		}
		verdicts = append(verdicts, verdict{level, found, probeAdvice(v, r.message, rights)})
	}
	if verdicts == nil {
		return []verdict{{OK, "scripts may run all commands that locks need", ""}}
	}
	return verdicts
}

// probeAdvice tells lack of rights from the other reasons for a refusal.
func probeAdvice(v *voter, message, rights string) string {
	switch {
	case strings.Contains(message, "keys used as arguments") || strings.Contains(message, "can't access a key"):
		return aclAdvice(v, "~"+markerKey+" and ~ with the names of locks; if it may touch those, give --probe a beginning that it may use")
	case strings.Contains(message, "NOPERM") || strings.Contains(message, "The user executing the script"):
		return aclAdvice(v, rights)
	case strings.Contains(strings.ToLower(message), "unknown"):
		return "remove its rename-command from redis.conf"
	case strings.Contains(message, "OOM "):
		return "free memory, or CONFIG SET maxmemory to more"
	case strings.Contains(message, "MISCONF"):
		return "see in the server's log why it can't write to disk"
	}
	return ""
}

// judgeMarker says whether the node may vote at once. Package redlock lets it wait after a
// restart, since it may have forgotten locks.
func judgeMarker(e *examination, v *voter) []verdict {
	m := v.marker
	switch {
	case v.markerErr != nil && strings.HasPrefix(v.markerErr.Error(), "NOPERM"):
		return []verdict{{Error, "can't read " + markerKey + ", and so can't enrol: " + v.markerErr.Error(),
			aclAdvice(v, "~"+markerKey+" +hmget +hset +hdel")}}
	case v.markerErr != nil:
		return []verdict{{Error, markerKey + " isn't a marker of package redlock: " + v.markerErr.Error(),
			"DEL " + markerKey + ", if nothing else needs it"}}
	case !m.known:
		return []verdict{{Note, fmt.Sprintf("not enrolled yet: from the first attempt on it waits for %v (MaxTTL) before it votes", e.config.TTL), ""}}
	case v.info["run_id"] != "" && m.runID != v.info["run_id"]:
		return []verdict{{Note, fmt.Sprintf("restarted since it was enrolled: from the next attempt on it waits for %v (MaxTTL) before it votes, unless WithDurableNodes", max(m.longest, e.config.TTL)), ""}}
	case m.until.IsZero():
		return []verdict{{Note, fmt.Sprintf("enrolled, and nobody has told it from when on it votes: from the next attempt on it waits for %v (MaxTTL)", max(m.longest, e.config.TTL)), ""}}
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
