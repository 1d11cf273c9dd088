package doctor

import "fmt"

// guarded is what package redlock does about lost memory, for verdicts on persistence.
const guarded = "; the restart guard covers that: the node waits for MaxTTL, and twice the largest clock error, before it votes again"

// classicAdvice is for clients that lack the guard.
const classicAdvice = "nothing, if all clients use package redlock; for others, let a restart take longer than the longest TTL (RestartSec of systemd)"

// judgePersistence says what a restart or a power loss forgets.
func judgePersistence(_ *examination, v *voter) []verdict {
	if v.infoErr != nil {
		return nil // as judgeRole has said
	}
	if v.info["aof_enabled"] == "1" {
		return judgeLog(v)
	}
	switch {
	case v.settingsErr != nil:
		return []verdict{{Note, "without a log of writes, a restart forgets some locks or all" + guarded, classicAdvice}}
	case v.settings["save"] == "":
		return []verdict{{Note, "nothing is written to disk: a restart forgets all locks" + guarded, classicAdvice}}
	}
	return []verdict{{Note, "snapshots only: a restart forgets the locks since the last one" + guarded, classicAdvice}}
}

// judgeLog judges a server with appendonly yes.
func judgeLog(v *voter) []verdict {
	switch {
	case v.info["aof_last_write_status"] == "err":
		return []verdict{{Error, "can't write its log (aof_last_write_status:err): it refuses locks, or forgets them", "see in the server's log why, and free the disk"}}
	case v.settingsErr != nil:
		return []verdict{{Note, "appendonly yes, but appendfsync is unknown: " + v.settingsErr.Error() + guarded, aclAdvice(v, "+config|get")}}
	case v.durable():
		return []verdict{{OK, "appendfsync always: a restart forgets nothing, if the disk keeps what it has acknowledged", ""}}
	case v.settings["appendfsync"] == "always":
		return []verdict{{Note, "appendfsync always, but no-appendfsync-on-rewrite yes: while the log is rewritten, a power loss forgets locks" + guarded,
			"CONFIG SET no-appendfsync-on-rewrite no, before you use WithDurableNodes"}}
	case v.settings["appendfsync"] == "no":
		return []verdict{{Note, "appendfsync no: a power loss forgets what the system hasn't written yet, usually up to 30 s" + guarded, classicAdvice}}
	}
	return []verdict{{Note, "appendfsync " + v.settings["appendfsync"] + ": a power loss forgets the locks of the last second or two" + guarded, classicAdvice}}
}

// durable reports whether the server syncs each write before it replies.
func (v *voter) durable() bool {
	return v.info["aof_enabled"] == "1" && v.info["aof_last_write_status"] != "err" && v.settingsErr == nil &&
		v.settings["appendfsync"] == "always" && v.settings["no-appendfsync-on-rewrite"] == "no"
}

// judgeEviction allows no policy that may delete a lock before its time.
func judgeEviction(_ *examination, v *voter) []verdict {
	limit, known := v.info.number("maxmemory")
	policy := v.info["maxmemory_policy"]
	switch {
	case !known:
		return nil // without INFO, as judgeRole has said
	case policy == "noeviction":
		return []verdict{{OK, "noeviction", ""}}
	case limit == 0:
		return []verdict{{Note, "maxmemory-policy " + policy + " would evict locks if there were a limit; there is none (maxmemory 0)",
			"CONFIG SET maxmemory-policy noeviction"}}
	}
	found := "maxmemory-policy " + policy + " deletes locks that are held, once maxmemory is reached (every lock has a TTL, so volatile-* isn't better)"
	if n, _ := v.info.number("evicted_keys"); n > 0 {
		found += fmt.Sprintf("; %.0f keys have been evicted since the server started", n)
	}
	return []verdict{{Error, found, "CONFIG SET maxmemory-policy noeviction"}}
}

// nearlyFull is the share of a limit from which on a warning is due.
const nearlyFull = 0.8

// judgeMemory compares what is used with the limit.
func judgeMemory(_ *examination, v *voter) []verdict {
	used, known := v.info.number("used_memory")
	limit, _ := v.info.number("maxmemory")
	switch {
	case !known:
		return nil // without INFO, as judgeRole has said
	case limit == 0:
		return []verdict{{OK, "no limit (maxmemory 0)", ""}}
	case used >= nearlyFull*limit:
		return []verdict{{Warning, fmt.Sprintf("%.0f %% of maxmemory is used; when it's full, no lock can be taken", 100*used/limit),
			"CONFIG SET maxmemory to more, or move other data away"}}
	}
	return []verdict{{OK, fmt.Sprintf("less than %.0f %% of maxmemory is used", 100*nearlyFull), ""}}
}

// judgeClients compares the number of connections with the limit, which servers before Redis
// 6.2 don't tell.
func judgeClients(_ *examination, v *voter) []verdict {
	connected, _ := v.info.number("connected_clients")
	limit, known := v.info.number("maxclients")
	switch {
	case !known:
		return nil
	case connected >= nearlyFull*limit:
		return []verdict{{Warning, fmt.Sprintf("%.0f of at most %.0f connections are open; beyond that, clients are turned away", connected, limit),
			"CONFIG SET maxclients to more, or find out who opens so many"}}
	}
	return []verdict{{OK, fmt.Sprintf("less than %.0f %% of maxclients are connected", 100*nearlyFull), ""}}
}
