package redlock

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
)

// opDial is what a [QuorumError] of [Dial] calls it.
const opDial = "dial"

// survey finds out what the voters will be good for, by asking them what an acquisition would.
func (l *Locker) survey(caller context.Context) error {
	ctx, cancel := context.WithTimeout(caller, exchangeTimeout(l.options.nodeTimeout))
	defer cancel()
	people := l.introductions(ctx)
	seen := make(map[string]int)
	for i, p := range people {
		if first, twice := seen[p.runID]; twice && p.runID != "" {
			return fmt.Errorf("%w: %s and %s are the same server (run id %s), whose vote must not count twice; give each server once",
				ErrInvalidOption, l.nodes[first], l.nodes[i], p.runID)
		}
		seen[p.runID] = i
	}
	e := &QuorumError{Op: opDial, Needed: l.needed(), Nodes: make([]NodeResult, len(l.nodes)), Reason: ErrNoQuorum, cause: caller.Err()}
	var looks quorum.Outcome[reply]
	if l.guard != nil {
		looks = l.look(ctx, exchangeTimeout(l.options.nodeTimeout), nil)
	}
	for i, p := range people {
		r := NodeResult{Node: l.nodes[i], Outcome: Granted, RTT: p.took, Err: p.err}
		if r.Err == nil && l.guard != nil && looks.Answers[i].Heard {
			r.Err = looks.Answers[i].Err
		}
		l.voters[i].met(r.Err)
		if r.Err != nil {
			r.Outcome, r.Err = explain(r.Err, l.voters[i].link)
		}
		e.Nodes[i] = r
	}
	if l.electorate().Blocked(func(voter int) bool { return e.Nodes[voter].Outcome == Unfit }) {
		e.Reason = ErrUnfit
	}
	fine := l.electorate().Majority(func(voter int) bool { return e.Nodes[voter].Outcome == Granted })
	if !fine {
		return e
	}
	if l.options.requireAll && e.Granted() < len(l.nodes) {
		e.Needed, e.advice = len(l.nodes), "RequireAll asks for all voters; leave it out where a majority will do"
		return e
	}
	for _, r := range e.Nodes {
		if r.Outcome != Granted {
			slog.WarnContext(caller, "redlock: a voter is of no use as it is, and the quorum survives fewer failures", "node", r.Node, "outcome", r.Outcome.String(), "err", r.Err)
		}
	}
	for i, p := range people {
		if p.evicts != "" {
			slog.WarnContext(caller, "redlock: a voter evicts locks that are held once its memory is full; set its maxmemory-policy to noeviction", "node", l.nodes[i], "policy", p.evicts)
		}
	}
	return nil
}

// introduction is what a server said of itself.
type introduction struct {
	runID  string
	evicts string // its maxmemory-policy, unless that keeps everything
	took   time.Duration
	err    error
}

// introductions asks every server for its run id, which tells servers apart whatever their names,
// and for what else decides whether it can be a voter.
func (l *Locker) introductions(ctx context.Context) []introduction {
	people := make([]introduction, len(l.nodes))
	done := make(chan struct{}, len(l.nodes))
	start := time.Now()
	for i, v := range l.voters {
		go func() { // bounded by the context, and awaited
			people[i] = v.introduce(ctx)
			people[i].took = time.Since(start)
			done <- struct{}{}
		}()
	}
	for range people {
		<-done
	}
	return people
}

// These are worded like what the server would say to a lock's keys.
const (
	errClusterMode = serverReply("CROSSSLOT the server is in cluster mode")
	errReplica     = serverReply("READONLY the server's role is slave")
)

// serverReply is an error like those that a server replies with.
type serverReply string

var _ redis.Error = serverReply("")

func (r serverReply) Error() string { return string(r) }

// RedisError tells it from the errors of connections.
func (serverReply) RedisError() {}

func (v *voter) introduce(ctx context.Context) introduction {
	// Two commands, because servers before Redis 7 take one section at a time.
	both := v.client.Pipeline()
	server, memory := both.Info(ctx, "server"), both.Info(ctx, "memory")
	_, failed := both.Exec(ctx)
	info, err := server.Result()
	if err == nil && info == "" {
		err = failed // while the connection was set up, which stands on no command
	}
	if err != nil && v.guard == nil && diagnose(err, v.link).outcome == Unfit {
		err = nil // without guards nobody needs INFO
	}
	if err != nil {
		return introduction{err: err}
	}
	p := introduction{runID: field(info, "run_id"), evicts: evicts(memory.Val())}
	if v.kind != clusterVoter && field(info, "redis_mode") == "cluster" {
		p.err = errClusterMode
	} else if !v.guarded() {
		p.err = v.introducePlainly(ctx)
	}
	return p
}

// evicts returns the policy by which a server deletes keys before their time. One without a limit has no need to.
func evicts(memory string) string {
	policy := field(memory, "maxmemory_policy")
	if limit := field(memory, "maxmemory"); limit == "" || limit == "0" || policy == "noeviction" {
		return ""
	}
	return policy
}

// introducePlainly shows, without a marker to write, whether a server runs scripts and takes writes. The guarded look
// does that by itself.
func (v *voter) introducePlainly(ctx context.Context) error {
	if err := v.client.Eval(ctx, "return 1", nil).Err(); err != nil || v.kind == clusterVoter {
		return err // any node of a cluster may have answered, its replicas too
	}
	// A user that may not run INFO learns it at the first lock.
	if info, err := v.client.Info(ctx, "replication").Result(); err == nil && field(info, "role") == "slave" {
		return errReplica
	}
	return nil
}

// field returns the value of a field in the reply to INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
