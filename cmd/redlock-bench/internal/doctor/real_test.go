package doctor

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/cluster"
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
		"mode": "no cluster", "commands": "scripts may run all", "eviction": "noeviction", "memory": "no limit",
		"clients": "less than 80 %", "clock": "steady, and within 102ms",
	} {
		assertFinding(t, r, check, OK, everyone, words)
		assert.Len(t, of(r, check), 1)
	}
	assertFinding(t, r, "independent", Warning, everyone, "5 nodes on one host")
	assertFinding(t, r, "persistence", Note, everyone, "a restart forgets all locks")
	assertFinding(t, r, "enrolment", Note, everyone, "not enrolled yet")
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

// needClocks skips a test where clocks can't be bent.
func needClocks(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if err := c.Node(0).ClockControl(); err != nil {
		require.NotEqual(t, "1", os.Getenv("REDLOCK_REQUIRE_REDIS"), err)
		t.Skip(err)
	}
}

func TestClockApart(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 5})
	needClocks(t, c)
	_, err := c.Node(2).JumpClock(t.Context(), 5*time.Second)
	require.NoError(t, err)
	_, err = c.Node(3).JumpClock(t.Context(), -5*time.Second)
	require.NoError(t, err)
	r := diagnose(t, quick(urls(c, "")...))
	assert.False(t, r.Fit)
	assertFinding(t, r, "clock", OK, []int{1, 2, 5}, "steady")
	assertFinding(t, r, "clock", Error, []int{3}, "ahead of the majority's clock")
	assertFinding(t, r, "clock", Error, []int{4}, "behind the majority's clock")
	assert.InDelta(t, 5000, r.Nodes[2].Clock.OffsetLowMS, 100)
	assert.InDelta(t, -5000, r.Nodes[3].Clock.OffsetHighMS, 100)
}

func TestClockThatJumpsWhileWatched(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	needClocks(t, c)
	config := quick(urls(c, "")...)
	config.Duration = 2 * time.Second
	jumped := false
	config.Progress = func(time.Duration) {
		if !jumped {
			_, err := c.Node(1).JumpClock(t.Context(), 5*time.Second)
			require.NoError(t, err)
			jumped = true
		}
	}
	r := diagnose(t, config)
	require.True(t, jumped)
	assertFinding(t, r, "clock", Error, []int{2}, "contradicted a steady clock 1 time(s)")
	assertFinding(t, r, "clock", OK, []int{1, 3}, "steady")
	assert.Equal(t, 1, r.Nodes[1].Clock.Jumps)
}

func TestClockThatRunsFast(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	needClocks(t, c)
	_, err := c.Node(1).SetClockRate(t.Context(), 1.05)
	require.NoError(t, err)
	// With a short TTL the monitor finds out soon; with a long one it has seen nothing yet, and
	// the average must be enough.
	for _, ttl := range []time.Duration{time.Second, time.Hour} {
		config := quick(urls(c, "")...)
		config.TTL, config.Duration = ttl, time.Second
		r := diagnose(t, config)
		f := assertFinding(t, r, "rate", Error, []int{2}, "% faster than ours, beyond the drift factor (0.01)")
		assert.Regexp(t, `runs at least (5\.0|4\.[89])`, f.Found)
		assert.Empty(t, of(&Report{Findings: findingsOn(r, 2)}, "clock"), "it doesn't jump")
	}
}

func findingsOn(r *Report, node int) []Finding {
	var some []Finding
	for _, f := range r.Findings {
		for _, n := range f.Nodes {
			if n == node && f.Level != OK {
				some = append(some, f)
			}
		}
	}
	return some
}

func TestUnreachableNode(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	_, err := c.Node(1).Kill(t.Context())
	require.NoError(t, err)
	r := diagnose(t, quick(urls(c, "")...))
	f := assertFinding(t, r, "reachable", Error, []int{2}, "connection refused")
	assert.Contains(t, f.Change, "start the server")
	assertFinding(t, r, "quorum", OK, []int{1, 2, 3}, "3 nodes")

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
	f := assertFinding(t, r, "reachable", Error, []int{2}, "i/o timeout")
	assert.Contains(t, f.Change, "whether the server hangs")
}

func TestNodeThatStopsWhileWatched(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	config := quick(urls(c, "")...)
	config.Duration, config.Timeout = 2*time.Second, 300*time.Millisecond
	paused := false
	config.Progress = func(time.Duration) {
		if !paused {
			_, err := c.Node(1).Pause(t.Context())
			require.NoError(t, err)
			paused = true
		}
	}
	r := diagnose(t, config)
	assertFinding(t, r, "answers", Warning, []int{2}, "had no answer")
	assert.Positive(t, r.Nodes[1].Answers.Lost)
}

func TestSecretsStaySecret(t *testing.T) {
	const wrong, right = "battery-staple", "correct-horse"
	c := startServers(t, cluster.Config{Nodes: 3})
	for _, n := range c.Nodes() {
		command(t, n, "ACL", "SETUSER", "locker", "on", ">"+right, "~*", "&*", "+@all")
	}
	for _, password := range []string{wrong, right} {
		config := quick(urls(c, "locker:"+password)...)
		r := diagnose(t, config)
		if password == wrong {
			assert.Contains(t, assertFinding(t, r, "reachable", Error, []int{1, 2, 3}, "WRONGPASS").Change, "check user and password")
		} else {
			assertFinding(t, r, "commands", OK, []int{1, 2, 3}, "")
		}
		var text strings.Builder
		require.NoError(t, r.WriteText(&text, false))
		require.NoError(t, r.WriteJSON(&text))
		assert.NotContains(t, text.String(), password)
	}
}

func TestUsersWithFewRights(t *testing.T) {
	tests := map[string]struct {
		rules         []any
		check         string
		level         Level
		found, change string
	}{
		"no INFO":            {[]any{"~*", "&*", "+@all", "-info"}, "commands", Error, "INFO is refused", "ACL SETUSER locker +info"},
		"no INFO, unknown":   {[]any{"~*", "&*", "+@all", "-info"}, "role", Warning, "independence, version, memory and persistence are unknown", "ACL SETUSER locker +info"},
		"no CONFIG":          {[]any{"~*", "&*", "+@all", "-config"}, "persistence", Note, "appendfsync is unknown", "ACL SETUSER locker +config|get"},
		"no scripts":         {[]any{"~*", "&*", "+@all", "-eval"}, "commands", Error, "refuses scripts: EVAL: NOPERM", "ACL SETUSER locker +eval +evalsha"},
		"no EVALSHA":         {[]any{"~*", "&*", "+@all", "-evalsha"}, "commands", Error, "EVALSHA is refused: NOPERM", "ACL SETUSER locker +evalsha"},
		"no DEL":             {[]any{"~*", "&*", "+@all", "-del"}, "commands", Error, "DEL is refused", "ACL SETUSER locker +del"},
		"no channels":        {[]any{"~*", "resetchannels", "+@all"}, "commands", Note, "PUBLISH is refused", "ACL SETUSER locker +publish &*"},
		"no marker":          {[]any{"~redlock:probe:*", "&*", "+@all"}, "enrolment", Error, "can't read redlock:voter", "ACL SETUSER locker ~redlock:voter +hmget +hset"},
		"no probe":           {[]any{"~redlock:voter", "&*", "+@all"}, "commands", Error, "keys used as arguments", "--probe"},
		"no TIME":            {[]any{"~*", "&*", "+@all", "-time"}, "reachable", Error, "NOPERM", "ACL SETUSER locker +time"},
		"what a lock needs":  {[]any{"~*", "&*", "+info", "+time", "+hmget", "+hset", "+get", "+set", "+del", "+pexpire", "+pttl", "+publish", "+eval", "+evalsha"}, "commands", OK, "", ""},
		"and no INFO at all": {[]any{"~*", "&*", "+time", "+hmget", "+hset", "+get", "+set", "+del", "+pexpire", "+pttl", "+publish", "+eval", "+evalsha"}, "commands", Error, "INFO is refused", "+info"},
	}
	c := startServers(t, cluster.Config{Nodes: 1, Persistence: cluster.Always})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			command(t, c.Node(0), append([]any{"ACL", "SETUSER", "locker", "reset", "on", ">secret"}, tt.rules...)...)
			r := diagnose(t, quick(urls(c, "locker:secret")...))
			f := assertFinding(t, r, tt.check, tt.level, []int{1}, tt.found)
			assert.Contains(t, f.Change, tt.change)
			assert.Equal(t, int64(0), command(t, c.Node(0), "EXISTS", markerKey))
		})
	}
	// What couldn't be deleted expires.
	command(t, c.Node(0), "CONFIG", "SET", "appendfsync", "no") // nothing here depends on the disk
	left, _ := command(t, c.Node(0), "KEYS", "*").([]any)
	for _, key := range left {
		ttl := command(t, c.Node(0), "PTTL", key).(int64)
		assert.NotEqual(t, int64(-1), ttl, "%v stays for ever", key)
		assert.LessOrEqual(t, ttl, probeLife.Milliseconds())
	}
}

func TestProbePrefix(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 1})
	command(t, c.Node(0), "ACL", "SETUSER", "locker", "on", ">secret", "~locks:*", "~redlock:voter", "&*", "+@all")
	config := quick(urls(c, "locker:secret")...)
	config.Probe = "locks:"
	r := diagnose(t, config)
	assert.True(t, r.Fit, "%+v", r.Findings)
	assertFinding(t, r, "commands", OK, []int{1}, "")
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
		require.Eventually(t, func() bool { return command(t, n, "EXISTS", markerKey) == int64(1) }, 10*time.Second, 5*time.Millisecond)
	}
}

func TestEnrolment(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3, Persistence: cluster.Always})
	enrol(t, c, 20*time.Second)
	config := quick(urls(c, "")...)
	r := diagnose(t, config)
	assertFinding(t, r, "enrolment", Note, []int{1, 2, 3}, "some locker has a MaxTTL of 20s")
	assert.Regexp(t, `waits for up to (20|1\d)s more`, of(r, "enrolment")[0].Found)

	for _, n := range c.Nodes()[:2] {
		_, err := n.Restart(t.Context(), cluster.Keep)
		require.NoError(t, err)
	}
	command(t, c.Node(0), "DEL", markerKey)
	r = diagnose(t, quick(urls(c, "")...))
	assertFinding(t, r, "enrolment", Note, []int{1}, "not enrolled yet")
	assertFinding(t, r, "enrolment", Note, []int{2}, "restarted since it was enrolled: from the next attempt on it waits for 20s")

	command(t, c.Node(2), "HSET", markerKey, "since", 1, "maxttl", 1)
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
	assert.ElementsMatch(t, []string{"ttl_ms", "interrupted", "fit", "nodes", "findings", "recommendations", "unchecked"}, keys(got))
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
