package doctor

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/redlock"
)

func TestHealthyNodes(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 5})
	r := diagnose(t, quick(urls(c, "")...))
	assert.True(t, r.Fit)
	assert.False(t, r.Interrupted)
	assert.Equal(t, 5, r.Reached())
	everyone := []int{1, 2, 3, 4, 5}
	for check, words := range map[string]string{
		"reachable": "answers", "quorum": "5 nodes: a lock needs 3, and survives 2", "role": "master", "version": "Redis 5",
		"mode": "no cluster", "commands": "scripts may run all", "lock": "locks can be taken, extended and released", "eviction": "noeviction", "memory": "no limit",
		"clients": "less than 80 %", "clock": "steady, and within 250ms",
	} {
		assertFinding(t, r, check, OK, everyone, words)
		assert.Len(t, of(r, check), 1)
	}
	assertFinding(t, r, "independent", Warning, everyone, "5 nodes on one host")
	assertFinding(t, r, "persistence", Note, everyone, "a restart forgets all locks")
	assertFinding(t, r, "enrolment", Note, everyone, "not enrolled yet: from the first attempt on it waits for 10.5s before")
	require.Len(t, r.Recommendations, 3)
	for i, n := range c.Nodes() {
		assert.Equal(t, int64(0), command(t, n, "DBSIZE"), "nothing is left of the probe")
		assert.Equal(t, "redis://"+n.Addr(), r.Nodes[i].URL)
		require.NotNil(t, r.Nodes[i].Clock)
		assert.LessOrEqual(t, r.Nodes[i].Clock.OffsetLowMS, r.Nodes[i].Clock.OffsetHighMS)
	}
}

func TestSameServerUnderTwoNames(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 2})
	all := urls(c, "")
	all = append(all, strings.Replace(all[0], "127.0.0.1", "localhost", 1))
	r := diagnose(t, quick(all...))
	assert.False(t, r.Fit)
	assertFinding(t, r, "independent", Error, []int{1, 3}, "the same server")
	assertFinding(t, r, "independent", Warning, []int{1, 2}, "2 nodes on one host")
	assertFinding(t, r, "quorum", Warning, []int{1, 2, 3}, "it survives 0 more that fail")
}

func TestReplica(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	host, port, _ := strings.Cut(c.Node(0).Addr(), ":")
	command(t, c.Node(0), "CONFIG", "SET", "repl-diskless-sync-delay", 0)
	command(t, c.Node(2), "REPLICAOF", host, port)
	require.Eventually(t, func() bool {
		role := command(t, c.Node(2), "ROLE").([]any)
		return role[3] == "connected"
	}, 30*time.Second, 10*time.Millisecond)
	r := diagnose(t, quick(urls(c, "")...))
	assert.False(t, r.Fit)
	assertFinding(t, r, "independent", Error, []int{1, 3}, "copies of one data set")
	assertFinding(t, r, "role", Error, []int{3}, "a replica of "+host+":"+port)
	assertFinding(t, r, "role", Note, []int{1}, "a master with 1 replica")
	assertFinding(t, r, "commands", OK, []int{1, 2}, "")
}

func TestEvictionAndFullMemory(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	for i, policy := range []string{"allkeys-lru", "volatile-ttl", "noeviction"} {
		command(t, c.Node(i), "CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", policy)
	}
	command(t, c.Node(2), "CONFIG", "SET", "maxmemory", "1")
	r := diagnose(t, quick(urls(c, "")...))
	f := assertFinding(t, r, "eviction", Error, []int{1}, "allkeys-lru")
	assert.Equal(t, "CONFIG SET maxmemory-policy noeviction", f.Change)
	assertFinding(t, r, "eviction", Error, []int{2}, "volatile-ttl")
	assertFinding(t, r, "memory", Warning, []int{3}, "no lock can be taken")
	assert.Contains(t, assertFinding(t, r, "commands", Error, []int{3}, "SET is refused: OOM").Change, "maxmemory")
}

func TestPersistence(t *testing.T) {
	always := startServers(t, cluster.Config{Nodes: 3, Persistence: cluster.Always})
	r := diagnose(t, quick(urls(always, "")...))
	assertFinding(t, r, "persistence", OK, []int{1, 2, 3}, "appendfsync always")
	assert.Equal(t, "redlock.WithDurableNodes()", r.Recommendations[3].Option)

	command(t, always.Node(0), "CONFIG", "SET", "no-appendfsync-on-rewrite", "yes")
	command(t, always.Node(1), "CONFIG", "SET", "appendfsync", "everysec")
	r = diagnose(t, quick(urls(always, "")...))
	assertFinding(t, r, "persistence", Note, []int{1}, "while the log is rewritten")
	assertFinding(t, r, "persistence", Note, []int{2}, "the last second or two")
	assertFinding(t, r, "persistence", OK, []int{3}, "appendfsync always: a restart forgets nothing")
	assert.Len(t, r.Recommendations, 3, "not all are durable")
}

func TestUnreachableNode(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	_, err := c.Node(1).Kill(t.Context())
	require.NoError(t, err)
	r := diagnose(t, quick(urls(c, "")...))
	f := assertFinding(t, r, "reachable", Error, []int{2}, "connection refused")
	assert.Contains(t, f.Change, "start the server")
	assertFinding(t, r, "quorum", Warning, []int{1, 2, 3}, "2 of 3 nodes can vote, and a lock needs 2: it survives 0 more that fail, and 1 if all could")

	_, err = c.Node(0).Kill(t.Context())
	require.NoError(t, err)
	r = diagnose(t, quick(urls(c, "")...))
	assertFinding(t, r, "quorum", Error, []int{1, 2, 3}, "1 of 3 nodes can vote")
}

func TestStoppedNode(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	_, err := c.Node(1).Pause(t.Context())
	require.NoError(t, err)
	config := quick(urls(c, "")...)
	config.Timeout = 500 * time.Millisecond
	began := time.Now()
	r := diagnose(t, config)
	assert.Less(t, time.Since(began), 20*time.Second)
	var hung []Finding
	for _, f := range of(r, "reachable") {
		if f.Level == Error {
			hung = append(hung, f)
		}
	}
	require.Len(t, hung, 1)
	assert.Equal(t, []int{2}, hung[0].Nodes)
	assert.Contains(t, hung[0].Change, "whether the server hangs")
}

func TestNodeThatStopsWhileWatched(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	config := quick(urls(c, "")...)
	config.Duration, config.Timeout = 2*time.Second, time.Second
	paused := false
	config.Progress = func(time.Duration) {
		if !paused {
			_, err := c.Node(1).Pause(t.Context())
			require.NoError(t, err)
			paused = true
		}
	}
	r := diagnose(t, config)
	r.Findings = findingsOn(r, 2) // a busy machine may lose answers of the others, too
	assertFinding(t, r, "answers", Warning, []int{2}, "had no answer")
	assert.Positive(t, r.Nodes[1].Answers.Lost)
}

// enrol has the library itself enrol the nodes, for which one attempt is enough.
func enrol(t *testing.T, c *cluster.Cluster, ttl time.Duration) {
	t.Helper()
	l, err := redlock.Dial(bounded(t), urls(c, ""), redlock.WithTTL(ttl), redlock.WithNodeTimeout(ttl/2))
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	_, err = l.TryLock(t.Context(), "job")
	require.ErrorIs(t, err, redlock.ErrNoQuorum)
	for _, n := range c.Nodes() {
		require.Eventually(t, func() bool { return command(t, n, "HEXISTS", markerKey, "until") == int64(1) }, 10*time.Second, 5*time.Millisecond)
	}
}

func TestEnrolment(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3, Persistence: cluster.Always})
	enrol(t, c, 20*time.Second)
	config := quick(urls(c, "")...)
	r := diagnose(t, config)
	assert.Regexp(t, `waits for up to (2[01]|1\d)s more`, of(r, "enrolment")[0].Found)
	for _, n := range c.Nodes() {
		command(t, n, "HSET", markerKey, "longest", 20000)
	}
	r = diagnose(t, config)
	assertFinding(t, r, "enrolment", Note, []int{1, 2, 3}, "it granted locks of up to 20s")

	for _, n := range c.Nodes()[:2] {
		_, err := n.Restart(t.Context(), cluster.Keep)
		require.NoError(t, err)
	}
	command(t, c.Node(0), "DEL", markerKey)
	r = diagnose(t, quick(urls(c, "")...))
	assertFinding(t, r, "enrolment", Note, []int{1}, "not enrolled yet: from the first attempt on it waits for 10.5s before")
	assertFinding(t, r, "enrolment", Note, []int{2}, "restarted since it was enrolled: from the next attempt on it waits for 20.5s")

	command(t, c.Node(2), "HSET", markerKey, "until", 1, "longest", 1)
	command(t, c.Node(1), "SET", markerKey, "mine")
	r = diagnose(t, quick(urls(c, "")...))
	assertFinding(t, r, "enrolment", OK, []int{3}, "enrolled, and votes")
	assertFinding(t, r, "enrolment", Error, []int{2}, "isn't a marker of package redlock: WRONGTYPE")
}

func TestInterruptedWhileWatching(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	ctx, cancel := context.WithCancel(bounded(t))
	config := quick(urls(c, "")...)
	config.Duration = time.Hour
	config.Progress = func(time.Duration) { cancel() }
	d, err := New(config)
	require.NoError(t, err)
	r, err := d.Examine(ctx)
	require.NoError(t, err)
	assert.True(t, r.Interrupted)
	assert.True(t, r.Fit)
	for _, n := range r.Nodes {
		require.NotNil(t, n.Answers)
		assert.Zero(t, n.Answers.Lost, "cut off by ourselves")
	}
}

// A stopped node holds up every read, so the end of the context has to cut them off.
func TestInterruptedBeforeAnything(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 1})
	_, err := c.Node(0).Pause(t.Context())
	require.NoError(t, err)
	config := quick(urls(c, "")...)
	config.Timeout = time.Minute
	d, err := New(config)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	r, err := d.Examine(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Nil(t, r)
	assert.Less(t, time.Since(began), 20*time.Second)
}

func TestEvenNumberAndOneNode(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 4})
	f := assertFinding(t, diagnose(t, quick(urls(c, "")...)), "quorum", Note, []int{1, 2, 3, 4}, "survives 1 that fail, as with 3 nodes")
	assert.Equal(t, "add one or remove one: 5 nodes survive 2 that fail", f.Change)

	r := diagnose(t, quick(urls(c, "")[0]))
	assertFinding(t, r, "quorum", Note, []int{1}, "1 node")
	assert.Empty(t, of(r, "independent"), "of what?")
	assert.True(t, r.Fit)
}

func TestJSONHasFixedNames(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 1})
	var text strings.Builder
	require.NoError(t, diagnose(t, quick(urls(c, "")...)).WriteJSON(&text))
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(text.String()), &got))
	assert.ElementsMatch(t, []string{"kind", "version", "ttl_ms", "prefix", "acl", "interrupted", "fit", "nodes", "findings", "recommendations", "unchecked"}, keys(got))
	node := got["nodes"].([]any)[0].(map[string]any)
	assert.ElementsMatch(t, []string{"node", "url", "reached", "version", "role", "run_id", "answers", "clock"}, keys(node))
	assert.ElementsMatch(t, []string{"count", "lost", "p50_ms", "p90_ms", "p99_ms", "max_ms"}, keys(node["answers"].(map[string]any)))
	assert.ElementsMatch(t, []string{"offset_low_ms", "offset_high_ms", "rate_low", "rate_high", "jumps"}, keys(node["clock"].(map[string]any)))
	assert.Subset(t, []string{"check", "level", "nodes", "found", "change"}, keys(got["findings"].([]any)[0].(map[string]any)))
	assert.ElementsMatch(t, []string{"option", "value", "why"}, keys(got["recommendations"].([]any)[0].(map[string]any)))
}

func keys(m map[string]any) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

// A server that comes back is asked again, rather than taken for dead.
func TestNodeThatRestartsWhileWatched(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 1})
	config := quick(urls(c, "")...)
	config.Duration = 3 * time.Second
	restarted := false
	config.Progress = func(time.Duration) {
		if !restarted {
			_, err := c.Node(0).Kill(t.Context())
			require.NoError(t, err)
			time.Sleep(300 * time.Millisecond) // of a watch that goes on meanwhile
			_, err = c.Node(0).Restart(t.Context(), cluster.Lose)
			require.NoError(t, err)
			restarted = true
		}
	}
	r := diagnose(t, config)
	a := r.Nodes[0].Answers
	assert.Positive(t, a.Lost)
	assert.Greater(t, a.Count, 20, "before and after")
	assertFinding(t, r, "answers", Warning, []int{1}, "connection refused")
}
