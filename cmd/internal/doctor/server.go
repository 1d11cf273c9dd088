package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/a5bbb083/redlock/redlock"
)

// oldestVersion is the first major version that replicates what a script did rather than the
// script itself. Before it, a script that has read the clock can't write
// (https://redis.io/docs/latest/develop/programmability/eval-intro/#script-replication).
const oldestVersion = 5

// aclAdvice is the command that gives a right to the user that the URL names.
func aclAdvice(v *voter, rights string) string {
	return fmt.Sprintf("ACL SETUSER %s %s", v.user, rights)
}

// aclRule is the command that gives the user of the URL all rights that locks with the prefix need.
func (e *examination) aclRule(v *voter) string {
	return redlock.ACLRule(v.user, e.config.Prefix, v.info["redis_version"])
}

// judgeRole accepts only masters that have loaded their data.
func judgeRole(_ *examination, v *voter) []verdict {
	switch {
	case v.infoErr != nil:
		return []verdict{{Warning, "role, independence, version, memory and persistence are unknown: " + v.infoErr.Error(), aclAdvice(v, "+info")}}
	case !v.master():
		return []verdict{{Error,
			fmt.Sprintf("a replica of %s:%s: it takes no locks", v.info["master_host"], v.info["master_port"]),
			"give its master, or REPLICAOF NO ONE if it's to be one itself"}}
	case v.info["loading"] == "1":
		return []verdict{{Error, "is loading its data, and takes no locks yet", "wait until it has finished"}}
	}
	if n, _ := v.info.number("connected_slaves"); n > 0 {
		return []verdict{{Note,
			fmt.Sprintf("a master with %s: one that takes its place may lack the last locks, and waits for the longest TTL in use", count(int(n), "replica")),
			""}}
	}
	return []verdict{{OK, "master", ""}}
}

// judgeVersion compares with what the lock scripts need.
func judgeVersion(_ *examination, v *voter) []verdict {
	if v.infoErr != nil {
		return nil // as judgeRole has said
	}
	major, _, _ := strings.Cut(v.info["redis_version"], ".")
	switch n, err := strconv.Atoi(major); {
	case err != nil:
		return []verdict{{Warning, fmt.Sprintf("the version is %q; Redis %d or later is needed", v.info["redis_version"], oldestVersion), ""}}
	case n < oldestVersion:
		return []verdict{{Error,
			fmt.Sprintf("Redis %s: its scripts can't write once they have read the clock", v.info["redis_version"]),
			fmt.Sprintf("upgrade to Redis %d or later", oldestVersion)}}
	}
	return []verdict{{OK, fmt.Sprintf("Redis %d or later", oldestVersion), ""}}
}

// judgeMode finds clusters: their servers don't keep a lock's keys and the marker together.
func judgeMode(_ *examination, v *voter) []verdict {
	switch {
	case v.infoErr != nil:
		return nil // as judgeRole has said
	case v.info["cluster_enabled"] != "1":
		return []verdict{{OK, "no cluster", ""}}
	}
	return []verdict{{Error, "in cluster mode: it refuses (CROSSSLOT) a lock's keys and the marker, which have different slots",
		"use servers with cluster-enabled no; or give package redlock the cluster as one voter " +
			"(redlock.New with a redis.ClusterClient), which has none of the guards against lost memory and clock jumps"}}
}
