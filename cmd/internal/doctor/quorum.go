package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a5bbb083/redlock/quorum"
)

// judgeReachable reports who answers, and guesses why others don't.
func judgeReachable(e *examination, v *voter) []verdict {
	if v.err == nil {
		return []verdict{{OK, "answers", ""}}
	}
	return []verdict{{Error, v.err.Error(), adviceOn(v)}}
}

// adviceOn maps the usual causes of an unreachable server to what helps.
func adviceOn(v *voter) string {
	for _, c := range []struct{ says, advice string }{
		{"WRONGPASS", "check user and password in the URL; special characters are written as %2F, %40, %2C and so on"},
		{"NOAUTH", "give a password: redis://[USER]:PASSWORD@HOST:PORT"},
		{"unknown command", "give the address of a Redis server; a Sentinel can't hold locks"},
		{"NOPERM", fmt.Sprintf("ACL SETUSER %s +time", v.user)},
		{"tls: first record does not look like a TLS handshake", "use redis:// rather than rediss://, or the server's TLS port"},
		{"x509: ", "use a certificate that this machine trusts, or add its authority to the system's (SSL_CERT_FILE)"},
		{"connection refused", "start the server, or correct host and port; its settings bind and protected-mode may keep others out"},
		{"no such host", "correct the host's name"},
		{"EOF", "use rediss:// if the server takes only TLS"},
		{"deadline exceeded", "see whether the server hangs, or a firewall drops packets; for a slow network give more --timeout"},
		{"timeout", "see whether the server hangs, or a firewall drops packets; for a slow network give more --timeout"},
	} {
		if strings.Contains(v.err.Error(), c.says) {
			return c.advice
		}
	}
	return ""
}

// judgeQuorum looks at how many nodes there are, and how many of them can vote.
func judgeQuorum(e *examination) []Finding {
	n, voting := len(e.voters), len(distinct(e.masters()))
	needed := quorum.Majority(n)
	f := Finding{Level: OK, Nodes: numbers(e.all())}
	f.Found = fmt.Sprintf("%d nodes: a lock needs %d, and survives %d that fail", n, needed, n-needed)
	switch {
	case voting < needed:
		f.Level = Error
		f.Found = fmt.Sprintf("%d of %d nodes can vote, and a lock needs %d: none can be taken", voting, n, needed)
		f.Change = "bring the other nodes back"
	case voting < n:
		f.Level = Warning
		f.Found = fmt.Sprintf("%d of %d nodes can vote, and a lock needs %d: it survives %d more that fail, and %d if all could", voting, n, needed, voting-needed, n-needed)
		f.Change = "bring the other nodes back, and give each server once"
	case n == 1:
		f.Level = Note
		f.Found = "1 node: while it's down no lock can be taken, and fencing tokens are no safer than its memory"
		f.Change = "use 3 or 5 independent nodes if that matters"
	case n%2 == 0:
		f.Level = Note
		f.Found += fmt.Sprintf(", as with %d nodes", n-1)
		f.Change = fmt.Sprintf("add one or remove one: %d nodes survive %d that fail", n+1, n+1-quorum.Majority(n+1))
	}
	return []Finding{f}
}

// judgeIndependence looks for nodes that fail, or forget, together.
func judgeIndependence(e *examination) []Finding {
	reached := e.reached()
	found := sharing(reached, func(v *voter) []string { return []string{v.info["run_id"]} }, func(id string, _ int) Finding {
		return Finding{
			Level: Error, Found: "the same server (run id " + abbreviate(id) + "): its vote would count more than once",
			Change: "give each server once",
		}
	})
	// One URL for each server, or what follows would say the same again.
	reached = distinct(reached)
	found = append(found, sharing(reached, func(v *voter) []string { return []string{v.info["master_replid"]} }, func(id string, _ int) Finding {
		return Finding{
			Level: Error, Found: "copies of one data set (replication id " + abbreviate(id) + "): one replicates the other, or both a third",
			Change: "give one of them, or REPLICAOF NO ONE on those that are to be masters of their own",
		}
	})...)
	found = append(found, sharing(reached, func(v *voter) []string { return v.addresses }, func(host string, n int) Finding {
		return Finding{
			Level: Warning, Found: fmt.Sprintf("%d nodes on one host (%s), which fail together", n, host),
			Change: "move them to machines that share neither power nor disk",
		}
	})...)
	if found == nil && len(reached) > 1 {
		return []Finding{{Level: OK, Nodes: numbers(reached), Found: "different servers, data sets and hosts"}}
	}
	return found
}

// sharing makes a finding for each value that more than one of the voters have.
func sharing(voters []*voter, values func(*voter) []string, describe func(value string, n int) Finding) []Finding {
	var order []string
	having := make(map[string][]int)
	for _, v := range voters {
		for _, value := range values(v) {
			if value == "" {
				continue
			}
			if having[value] == nil {
				order = append(order, value)
			}
			having[value] = append(having[value], v.number)
		}
	}
	var found []Finding
	for _, value := range order {
		nodes := having[value]
		known := len(found) > 0 && slices.Equal(found[len(found)-1].Nodes, nodes) // by another address, say
		if len(nodes) > 1 && !known {
			f := describe(value, len(nodes))
			f.Nodes = nodes
			found = append(found, f)
		}
	}
	return found
}

// distinct leaves out the voters whose server came before.
func distinct(voters []*voter) []*voter {
	var first []*voter
	seen := make(map[string]bool)
	for _, v := range voters {
		if id := v.info["run_id"]; id == "" || !seen[id] {
			seen[id] = true
			first = append(first, v)
		}
	}
	return first
}

// abbreviate shortens an id of 40 digits to what tells it apart.
func abbreviate(id string) string { return id[:min(len(id), 8)] }
