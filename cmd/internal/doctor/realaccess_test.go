package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/redlock"
)

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
		require.NoError(t, r.WriteText(&text, 0, false))
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
		"no EXISTS":          {[]any{"~*", "&*", "+@all", "-exists"}, "commands", Note, "EXISTS is refused", "ACL SETUSER locker +exists"},
		"no channels":        {[]any{"~*", "resetchannels", "+@all"}, "commands", Note, "PUBLISH is refused", "ACL SETUSER locker +publish &*"},
		"no marker":          {[]any{"~redlock:probe:*", "&*", "+@all"}, "enrolment", Error, "can't read redlock:voter", "ACL SETUSER locker ~redlock:voter +hmget +hset +del"},
		"no probe":           {[]any{"~redlock:voter", "&*", "+@all"}, "commands", Error, "refuses scripts: EVAL: NOPERM", "ACL SETUSER locker ~* &redlock:wake:* +del +eval"},
		"no TIME":            {[]any{"~*", "&*", "+@all", "-time"}, "reachable", Error, "NOPERM", "ACL SETUSER locker +time"},
		"what a lock needs":  {[]any{"~*", "&*", "+info", "+time", "+hmget", "+hset", "+get", "+mget", "+set", "+del", "+exists", "+zadd", "+zrange", "+zrevrange", "+zrank", "+zrem", "+zremrangebyscore", "+pexpire", "+pttl", "+publish", "+eval", "+evalsha"}, "commands", OK, "", ""},
		"and no INFO at all": {[]any{"~*", "&*", "+time", "+hmget", "+hset", "+get", "+mget", "+set", "+del", "+exists", "+zadd", "+zrange", "+zrevrange", "+zrank", "+zrem", "+zremrangebyscore", "+pexpire", "+pttl", "+publish", "+eval", "+evalsha"}, "commands", Error, "INFO is refused", "+info"},
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
		assert.LessOrEqual(t, ttl, probeLife.Milliseconds()+1000, "and what this clock may be ahead of the server's")
	}
}

// The rule that's printed is enough for the doctor and for the library, and for nothing else.
func TestACLRuleIsEnough(t *testing.T) {
	c := startServers(t, cluster.Config{Nodes: 3})
	for _, n := range c.Nodes() {
		command(t, n, "ACL", "SETUSER", "locker", "reset", "on", ">secret", "+time", "+info") // what it takes to be asked, and to tell the version
	}
	config := quick(urls(c, "locker:secret")...)
	config.Prefix = "locks:"
	r := diagnose(t, config)
	assert.False(t, r.Fit)
	require.Len(t, r.ACL, 1, "all nodes have the same")
	assert.Equal(t, []int{1, 2, 3}, r.ACL[0].Nodes)
	var rule []any
	for word := range strings.FieldsSeq(r.ACL[0].Rule) {
		rule = append(rule, word)
	}
	for _, n := range c.Nodes() {
		command(t, n, "ACL", "SETUSER", "locker", "reset", "on", ">secret")
		command(t, n, rule...)
		command(t, n, "ACL", "LOG", "RESET")
	}
	r = diagnose(t, config)
	assert.True(t, r.Fit, "%+v", r.Findings)
	assertFinding(t, r, "commands", OK, []int{1, 2, 3}, "")
	assertFinding(t, r, "lock", OK, []int{1, 2, 3}, `locks whose names begin with "locks:" can be taken, extended and released`)

	l, err := redlock.Dial(bounded(t), urls(c, "locker:secret"), redlock.RequireAll(), redlock.WithTTL(2*time.Second), redlock.WithNodeTimeout(time.Second))
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	lk, err := l.Lock(bounded(t), "locks:job") // it waits until the nodes vote
	require.NoError(t, err)
	require.NoError(t, lk.Extend(t.Context()))
	require.NoError(t, lk.Unlock(t.Context()))
	_, err = l.TryLock(t.Context(), "other:job")
	require.ErrorIs(t, err, redlock.ErrUnfit)

	// A user for other names meets an error, and the doctor says so.
	config.Prefix = "other:"
	r = diagnose(t, config)
	f := assertFinding(t, r, "commands", Error, []int{1, 2, 3}, "refuses scripts: EVAL: NOPERM")
	assert.Contains(t, f.Change, "ACL SETUSER locker ~other:* ~redlock:voter ")
	assert.False(t, r.Fit)
}
