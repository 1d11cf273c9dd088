package redlocktest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/alicebob/miniredis/v2/server"
)

// redisVersion is the server that the conformance test compares the nodes with.
const redisVersion = "7.0.15"

// answer is called by miniredis before each command, also for those in scripts, and does
// what miniredis doesn't. It must not call miniredis, which holds its lock during scripts.
func (n *Node) answer(p *server.Peer, cmd string, args ...string) bool {
	if cmd != "INFO" {
		return n.amend(p, cmd, args)
	}
	p.WriteBulk(n.info(args))
	return true
}

// info renders the sections asked for, or all of them.
func (n *Node) info(wanted []string) string {
	runID := n.RunID()
	n.mu.Lock()
	defer n.mu.Unlock()
	sections := []struct{ name, text string }{
		{"Server", fmt.Sprintf("redis_version:%s\r\nredis_mode:standalone\r\nrun_id:%s\r\ntcp_port:%d\r\n"+
			"server_time_usec:%d\r\nuptime_in_seconds:%d\r\n",
			redisVersion, runID, n.addr.Port, n.at.UnixMicro(), int(n.at.Sub(n.since).Seconds()))},
		{"Clients", fmt.Sprintf("connected_clients:%d\r\nmaxclients:%s\r\n", n.connected(), n.config["maxclients"])},
		{"Memory", fmt.Sprintf("maxmemory:%s\r\nmaxmemory_policy:%s\r\n",
			n.config["maxmemory"], n.config["maxmemory-policy"])},
		{"Persistence", fmt.Sprintf("loading:0\r\naof_enabled:%d\r\n", yes(n.config["appendonly"]))},
		{"Stats", fmt.Sprintf("total_commands_processed:%d\r\n", n.commands)},
		{"Replication", fmt.Sprintf("role:master\r\nconnected_slaves:0\r\nmaster_replid:%s\r\nmaster_replid2:%040d\r\n", runID, 0)},
		{"Cluster", "cluster_enabled:0\r\n"},
	}
	var b strings.Builder
	for _, s := range sections {
		if len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return names(w, s.name) }) {
			fmt.Fprintf(&b, "# %s\r\n%s\r\n", s.name, s.text)
		}
	}
	return b.String()
}

func names(wanted, section string) bool {
	switch strings.ToLower(wanted) {
	case "all", "default", "everything", strings.ToLower(section):
		return true
	}
	return false
}

func yes(s string) int {
	if s == "yes" {
		return 1
	}
	return 0
}

// connected counts the clients that the node knows of. The caller holds mu.
func (n *Node) connected() int {
	count := 0
	for _, l := range n.links {
		for _, c := range l.conns {
			if !c.dead {
				count++
			}
		}
	}
	return count
}

// role answers ROLE: a primary without replicas.
func (n *Node) role(p *server.Peer, _ string, _ []string) {
	p.Block(func(w *server.Writer) {
		w.WriteLen(3)
		w.WriteBulk("master")
		w.WriteInt(0)
		w.WriteLen(0)
	})
}

// defaultConfig is how a redis-server without a configuration file is set up, but for
// snapshots: the nodes have no disk.
func defaultConfig() map[string]string {
	return map[string]string{
		"appendfsync":      "everysec",
		"appendonly":       "no",
		"maxclients":       "10000",
		"maxmemory":        "0",
		"maxmemory-policy": "noeviction",
		"save":             "",
	}
}

// configure answers CONFIG GET and CONFIG SET. Settings change what is reported, not what the
// node does.
func (n *Node) configure(p *server.Peer, _ string, args []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case len(args) >= 2 && strings.EqualFold(args[0], "GET"):
		n.configGet(p, args[1:])
	case len(args) >= 3 && len(args)%2 == 1 && strings.EqualFold(args[0], "SET"):
		n.configSet(p, args[1:])
	default:
		p.WriteError("ERR Unknown subcommand or wrong number of arguments for 'config'. Try CONFIG HELP.")
	}
}

func (n *Node) configGet(p *server.Peer, patterns []string) {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(n.config)) {
		if slices.ContainsFunc(patterns, func(pattern string) bool {
			match, err := path.Match(strings.ToLower(pattern), name)
			return match && err == nil
		}) {
			found = append(found, name)
		}
	}
	p.Block(func(w *server.Writer) {
		w.WriteMapLen(len(found))
		for _, name := range found {
			w.WriteBulk(name)
			w.WriteBulk(n.config[name])
		}
	})
}

func (n *Node) configSet(p *server.Peer, pairs []string) {
	for i := 0; i < len(pairs); i += 2 {
		if _, ok := n.config[strings.ToLower(pairs[i])]; !ok {
			p.WriteError(fmt.Sprintf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", pairs[i]))
			return
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		n.config[strings.ToLower(pairs[i])] = pairs[i+1]
	}
	p.WriteOK()
}
