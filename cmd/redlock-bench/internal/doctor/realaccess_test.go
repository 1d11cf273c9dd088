package doctor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/cluster"
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
		"no marker":          {[]any{"~redlock:probe:*", "&*", "+@all"}, "enrolment", Error, "can't read redlock:voter", "ACL SETUSER locker ~redlock:voter +hmget +hset +hdel"},
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
